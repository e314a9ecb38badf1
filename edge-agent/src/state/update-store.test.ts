import { createHash } from 'node:crypto';
import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FinishedUpdate } from '../connection/assignment.js';
import { temporaryFolder } from '../testing/small-task.js';
import { openUpdateStore } from './update-store.js';

function finished(round: number, payload: Uint8Array): FinishedUpdate {
  return {
    round: { runId: 'run', round, attempt: 1 },
    taskName: 'task',
    sha256: createHash('sha256').update(payload).digest('hex'),
    bytes: payload.byteLength,
    exampleCount: 12,
    metrics: { weight: 12, sums: { loss: 1.5 } },
    trainingMs: 7,
  };
}

const payload = Uint8Array.of(1, 2, 3, 4, 5);
const update = finished(1, payload);

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) {
    all.push(chunk);
  }
  return new Uint8Array(Buffer.concat(all));
}

test('an update is there after a restart, from any offset', async () => {
  const folder = await temporaryFolder();
  await (await openUpdateStore(folder)).save(update, payload);
  const reopened = await openUpdateStore(folder);
  expect(await reopened.load()).toEqual(update);
  expect(await bytesOf(reopened.read(update, 0))).toEqual(payload);
  expect(await bytesOf(reopened.read(update, 3))).toEqual(payload.subarray(3));
  expect(await bytesOf(reopened.read(update, 5))).toEqual(new Uint8Array(0));
});

test('discarding removes the update it names, and no other', async () => {
  const folder = await temporaryFolder();
  const store = await openUpdateStore(folder);
  const next = finished(2, payload);
  await store.save(update, payload);
  await store.save(next, payload);
  await store.discard(update);
  expect(await store.load()).toEqual(next);
  await store.discard(next);
  await store.discard(next);
  expect(await store.load()).toBeUndefined();
  expect(await readdir(join(folder, 'update'))).toEqual([]);
});

test.each<[string, (folder: string) => Promise<void>]>([
  ['a header without its payload', (folder) => rm(join(folder, 'payload.bin'))],
  ['a payload without its header', (folder) => rm(join(folder, 'header.json'))],
  ['a cut payload', (folder) => truncate(join(folder, 'payload.bin'), 4)],
  ['a cut header', (folder) => truncate(join(folder, 'header.json'), 20)],
  ['another header', (folder) => writeFile(join(folder, 'header.json'), '{"round":1}')],
])('%s is no update, and is replaced by the next', async (_what, damage) => {
  const folder = await temporaryFolder();
  const store = await openUpdateStore(folder);
  await store.save(update, payload);
  await damage(join(folder, 'update'));
  expect(await store.load()).toBeUndefined();
  await store.save(update, payload);
  expect(await store.load()).toEqual(update);
});
