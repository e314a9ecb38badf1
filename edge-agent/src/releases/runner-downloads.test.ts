/** Downloads over connections that break, and by what differs from the version before. */
import { makeDelta } from '@starling/federation';
import { expect, test } from 'vitest';
import { passTime } from '../testing/release-device.js';
import { sha256Of } from '../testing/release-repository.js';
import { models, releaseWorld } from '../testing/release-world.js';

test('a download goes on where it broke off', async () => {
  const { repository, want, proven } = await releaseWorld();
  const download = repository.download;
  let isBroken = true;
  Object.assign(repository, {
    async *download(sha256: string, offset: number, signal: AbortSignal) {
      for await (const chunk of download(sha256, offset, signal)) {
        yield chunk;
        if (isBroken && offset === 0 && sha256 === sha256Of(models[1])) {
          isBroken = false;
          throw new Error('the connection broke');
        }
      }
    },
  });
  repository.sentBytes = 0;
  want(2);
  await proven(2);
  const description = [...repository.contents.values()].filter((bytes) =>
    Buffer.from(bytes).includes('"version":2'),
  );
  expect(repository.sentBytes).toBe(models[1].byteLength + description[0].byteLength);
});

test('a download whose process is killed goes on from its byte in the next one', async () => {
  const { repository, want, proven, device, start, clock } = await releaseWorld();
  const size = models[1].byteLength;
  const offsets: number[] = [];
  const download = repository.download;
  Object.assign(repository, {
    async *download(sha256: string, offset: number, signal: AbortSignal) {
      if (sha256 === sha256Of(models[1])) offsets.push(offset);
      for await (const chunk of download(sha256, offset, signal)) {
        yield chunk;
        if (sha256 === sha256Of(models[1]) && offset === 0) device.kill();
      }
    },
  });
  want(2);
  await passTime(clock, () => offsets.length === 1);
  await passTime(clock, () => device.hasDied);
  const again = await start();
  repository.sentBytes = 0;
  await proven(2);
  expect(again.serving).toBe(2);
  const [first, second] = offsets;
  expect(first).toBe(0);
  expect(second).toBeGreaterThan(0);
  // The rest of the model, and nothing else.
  expect(repository.sentBytes).toBe(size - second);
});

test.each([
  ['a delta', models[0], 200],
  ['a delta of something else, in vain', Buffer.alloc(300, 'other'), 600],
  ['a delta that is none, in vain', undefined, 600],
])('%s makes the model of the one in the other slot', async (_name, from, sentMax) => {
  const { repository, want, proven, device } = await releaseWorld();
  const delta = from === undefined ? Buffer.from('no delta') : makeDelta(from, models[1]);
  const files = { 'model.from-1.delta': delta ?? Buffer.alloc(0) };
  // Of the whole, nothing is sent where the delta does.
  repository.release(2, models[1], { files, health: { watchMs: 200 } });
  repository.sentBytes = 0;
  want(2);
  await proven(2);
  expect(device.serving).toBe(2);
  expect(repository.sentBytes).toBeLessThan(sentMax);
  expect(repository.sentBytes > models[1].byteLength).toBe(sentMax > 300);
});
