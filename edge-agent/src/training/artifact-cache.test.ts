import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../testing/small-task.js';
import { type Download, openArtifactCache } from './artifact-cache.js';

const content = Uint8Array.from({ length: 5000 }, (_, index) => (index * 7) % 251);
const artifact = referenceTo(content);
const never = new AbortController().signal;

function referenceTo(bytes: Uint8Array) {
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
}

/** Serves `content`, breaking off after each of `breaks` bytes in turn. */
function serving(breaks: number[], offsets: number[] = []): Download {
  return async function* (_sha256, offset) {
    offsets.push(offset);
    const after = breaks.shift();
    const end = after === undefined ? content.byteLength : offset + after;
    for (let at = offset; at < Math.min(end, content.byteLength); at += 999) {
      yield content.subarray(at, Math.min(at + 999, end));
    }
    if (after !== undefined) {
      throw new Error('broke off');
    }
  };
}

async function cache(bytesMax = 1e6, stateFolder?: string) {
  const folder = stateFolder ?? (await temporaryFolder());
  const clock = createVirtualClock(1_700_000_000_000);
  const opened = await openArtifactCache({ stateFolder: folder, bytesMax, clock });
  return { opened, clock, folder: join(folder, 'artifacts') };
}

test('however often a download breaks, no byte is asked for twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 6 }), async (breaks) => {
      const { opened } = await cache();
      const offsets: number[] = [];
      const download = serving([...breaks], offsets);
      let got = false;
      for (let attempts = 0; !got && attempts <= breaks.length; attempts++) {
        got = await opened.fetch(artifact, download, never).then(
          () => true,
          () => false,
        );
      }
      expect(await opened.read(artifact)).toEqual(content);
      const starts = breaks.map((_, index) => breaks.slice(0, index).reduce((sum, bytes) => sum + bytes, 0));
      const total = breaks.reduce((sum, bytes) => sum + bytes, 0);
      const expected = [...starts, total].filter(
        (offset, index) => index === 0 || offset < content.byteLength,
      );
      expect(offsets).toEqual(expected.slice(0, offsets.length));
    }),
    { numRuns: 30 },
  );
});

test('what is there is not fetched again', async () => {
  const { opened } = await cache();
  const offsets: number[] = [];
  await opened.fetch(artifact, serving([], offsets), never);
  await opened.fetch(artifact, serving([], offsets), never);
  expect(offsets).toEqual([0]);
});

test('a part that was damaged on disk costs one download from the start', async () => {
  const { opened, folder } = await cache();
  const offsets: number[] = [];
  await expect(opened.fetch(artifact, serving([2000], offsets), never)).rejects.toThrow('broke off');
  const part = join(folder, `${artifact.sha256}.part`);
  const damaged = await readFile(part);
  damaged[10] ^= 1;
  await writeFile(part, damaged);
  await opened.fetch(artifact, serving([], offsets), never);
  expect(offsets).toEqual([0, 2000, 0]);
  expect(await opened.read(artifact)).toEqual(content);
});

test('a file that was damaged on disk is not given out, and fetched again', async () => {
  const { opened, folder } = await cache();
  await opened.fetch(artifact, serving([]), never);
  await writeFile(join(folder, artifact.sha256), content.with(0, 99));
  expect(await opened.read(artifact)).toBeUndefined();
  await opened.fetch(artifact, serving([]), never);
  expect(await opened.read(artifact)).toEqual(content);
});

test.each([
  ['other bytes', content.with(4999, 1), 'agent/artifact-hash'],
  ['fewer bytes', content.subarray(1), 'agent/artifact-size'],
  ['more bytes', Buffer.concat([content, content]), 'agent/artifact-size'],
])('%s than those named are refused and not kept', async (_what, sent, code) => {
  const { opened, folder } = await cache();
  const download: Download = async function* (_sha256, offset) {
    yield sent.subarray(offset);
  };
  await expect(opened.fetch(artifact, download, never)).rejects.toMatchObject({ code });
  expect(await readdir(folder)).not.toContain(artifact.sha256);
  expect(await opened.read(artifact)).toBeUndefined();
});

test('what was not used for longest goes first, and what is in use stays', async () => {
  const { opened, clock, folder } = await cache(2500);
  const others = [1, 2, 3].map((fill) => new Uint8Array(1000).fill(fill));
  for (const bytes of others) {
    await opened.fetch(
      referenceTo(bytes),
      async function* () {
        yield bytes;
      },
      never,
    );
    await opened.read(referenceTo(bytes));
    clock.advance(10_000);
  }
  await opened.read(referenceTo(others[0]));
  await opened.evict([]);
  expect(await readdir(folder)).toEqual(
    [referenceTo(others[0]).sha256, referenceTo(others[2]).sha256].sort(),
  );
  const all = others.map(referenceTo);
  await opened.fetch(
    all[1],
    async function* () {
      yield others[1];
    },
    never,
  );
  await opened.evict(all);
  expect((await readdir(folder)).length).toBe(3);
});
