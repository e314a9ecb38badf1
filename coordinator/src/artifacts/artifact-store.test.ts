import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RunEvent } from '../runs/index.js';
import { openSqliteStore, type Store } from '../storage/index.js';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { artifact, runStarted } from '../testing/values.js';
import {
  type ArtifactStore,
  chunkBytesMax,
  hashOf,
  openArtifactStore,
  supersededArtifacts,
} from './index.js';

let folder = '';
let store: Store;
let artifacts: ArtifactStore;
const clock = createVirtualClock();

beforeEach(async () => {
  folder = await temporaryFolder();
  store = await openSqliteStore(join(folder, 'coordinator.db'));
  artifacts = await openArtifactStore(join(folder, 'artifacts'), store, clock);
});

afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function readFrom(content: Uint8Array, offset: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await artifacts.read(hashOf(content), offset)) {
    expect(chunk.byteLength).toBeLessThanOrEqual(chunkBytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const content = Uint8Array.from({ length: 2 * chunkBytesMax + 17 }, (_, index) => index % 251);

test('gives back what was put, whole or from any offset', async () => {
  const reference = await artifacts.put('checkpoint', content);
  expect(reference).toEqual({ sha256: hashOf(content), sizeBytes: content.byteLength });
  expect(Buffer.compare(await artifacts.load(reference.sha256), content)).toBe(0);
  for (const offset of [0, 1, chunkBytesMax, content.byteLength - 1, content.byteLength]) {
    expect(Buffer.compare(await readFrom(content, offset), content.subarray(offset))).toBe(0);
  }
  await expect(readFrom(content, content.byteLength + 1)).rejects.toMatchObject({
    code: 'OFFSET_OUT_OF_RANGE',
  });
});

test('one content put many times at once is one artifact', async () => {
  const references = await Promise.all([1, 2, 3, 4].map(() => artifacts.put('plan', content)));
  expect(new Set(references.map(({ sha256 }) => sha256)).size).toBe(1);
  expect(await store.artifacts.list()).toHaveLength(1);
});

test('what a crash left is cleaned when the store opens again, and what was stored stays', async () => {
  const kept = await artifacts.put('checkpoint', content);
  const shard = join(folder, 'artifacts', 'ab');
  await mkdir(shard, { recursive: true });
  await writeFile(join(shard, `${'ab'.repeat(32)}.tmp`), 'half a checkpoint');
  await writeFile(join(shard, 'ab'.repeat(32)), 'a blob that never made it into the index');
  artifacts = await openArtifactStore(join(folder, 'artifacts'), store, clock);
  expect(await readdir(shard)).toEqual([]);
  expect(Buffer.compare(await artifacts.load(kept.sha256), content)).toBe(0);
});

test('a blob that changed on disk is not handed out as what it was', async () => {
  const { sha256 } = await artifacts.put('checkpoint', content);
  await writeFile(join(folder, 'artifacts', sha256.slice(0, 2), sha256), 'something else');
  await expect(artifacts.load(sha256)).rejects.toMatchObject({ code: 'ARTIFACT_DAMAGED' });
});

test('keeps the first and the last checkpoints of ended runs, everything of running ones, and one strategy state', () => {
  const committed = (run: string, round: number, checkpoint: string, state: string): RunEvent => ({
    kind: 'round-committed',
    atMs: 0,
    key: { runId: runStarted(run).runId, round, attempt: 1 },
    checkpoint: artifact(checkpoint),
    strategyState: artifact(state),
    updates: 1,
    durationMs: 1,
    bytesUploaded: 1,
    bytesDownloaded: 1,
    secure: null,
    clipping: null,
    analytics: null,
  });
  const log = (events: readonly RunEvent[]) => events.map((event, index) => ({ sequence: index + 1, event }));
  const ended: RunEvent = { kind: 'run-ended', atMs: 0, state: 'completed', reason: '' };
  const over = [
    runStarted('a'),
    committed('a', 1, '1', 'a'),
    committed('a', 2, '2', 'b'),
    committed('a', 3, '3', 'c'),
    ended,
  ];
  const running = [
    runStarted('b', { checkpoint: artifact('4') }),
    committed('b', 1, '2', 'd'),
    committed('b', 2, '5', 'e'),
  ];
  const hashes = (digits: string): string[] => [...digits].map((digit) => artifact(digit).sha256);
  expect(supersededArtifacts([log(over)], 1)).toEqual(hashes('12ab'));
  expect(supersededArtifacts([log(over), log(running)], 1)).toEqual(hashes('1abd'));
  expect(supersededArtifacts([log(over)], null)).toEqual(hashes('ab'));
});
