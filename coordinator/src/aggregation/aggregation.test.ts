import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { float32Bytes, float32Encoding, mean, stochastic8BitEncoding } from '@starling/federation';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { brandHash, hashOf } from '../artifacts/index.js';
import type { RoundKey } from '../ids.js';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { deviceId, runId } from '../testing/values.js';
import {
  checkAnnouncedLength,
  openRoundSums,
  openSpool,
  type Spool,
  type UploadAnnouncement,
  verifyPayload,
} from './index.js';

let folder = '';
let spool: Spool;
const key: RoundKey = { runId: runId('run'), round: 1, attempt: 1 };

beforeEach(async () => {
  folder = await temporaryFolder();
  spool = await openSpool(join(folder, 'spool'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function announce(
  payload: Uint8Array,
  device = 'a',
  changes: Partial<UploadAnnouncement> = {},
): UploadAnnouncement {
  return {
    key,
    deviceId: deviceId(device),
    sizeBytes: payload.byteLength,
    sha256: hashOf(payload),
    ...changes,
  };
}

async function send(payload: Uint8Array, announcement: UploadAnnouncement, chunkBytes = 7): Promise<string> {
  const upload = await spool.begin(announcement, 0);
  for (let at = 0; at < payload.byteLength; at += chunkBytes) {
    await upload.append(payload.subarray(at, at + chunkBytes));
  }
  return upload.finish();
}

test('an upload goes on where it broke off, also when the spool was opened again in between', async () => {
  const payload = Uint8Array.from({ length: 40 }, (_, index) => index);
  const announcement = announce(payload);
  const broken = await spool.begin(announcement, 0);
  await broken.append(payload.subarray(0, 16));
  await expect(broken.finish()).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
  spool = await openSpool(join(folder, 'spool'));
  await spool.keepOnly([{ key, counted: new Set() }]);
  expect(await spool.receivedBytes(announcement)).toBe(16);
  await expect(spool.begin(announcement, 17)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' });
  const again = await spool.begin(announcement, 12);
  await again.append(payload.subarray(12));
  await verifyPayload(await again.finish(), announcement, 10, float32Encoding);
});

test('a newer upload of a device ends its older one, and another payload replaces what is held', async () => {
  const payload = new Uint8Array(8);
  const other = new Uint8Array(8).fill(1);
  const older = await spool.begin(announce(payload), 0);
  await older.append(payload.subarray(0, 4));
  const newer = await spool.begin(announce(other), 0);
  await expect(older.append(payload.subarray(4))).rejects.toMatchObject({ code: 'UPLOAD_SUPERSEDED' });
  await older.release();
  await newer.append(other.subarray(0, 5));
  await newer.release();
  expect(await spool.receivedBytes(announce(payload))).toBe(0);
  expect(await spool.receivedBytes(announce(other))).toBe(5);
});

test('a whole payload is out of reach of later calls, and can be taken back', async () => {
  const payload = new Uint8Array(8).fill(3);
  const announcement = announce(payload);
  const path = await send(payload, announcement);
  expect(await spool.receivedBytes(announcement)).toBe(0);
  const hostile = await spool.begin(announcement, 0);
  await hostile.append(new Uint8Array(4).fill(9));
  await hostile.release();
  await verifyPayload(path, announcement, 2, float32Encoding);
  await spool.takeBack(announcement, path);
  expect(await spool.receivedBytes(announcement)).toBe(8);
  await spool.removeRound(key);
  await spool.takeBack(announcement, path);
  await spool.discard(path);
});

test('after a crash the spool holds what may still be counted, and nothing else', async () => {
  const payload = new Uint8Array(8);
  const over = announce(payload, 'a', { key: { ...key, round: 2 } });
  await send(payload, announce(payload));
  await send(payload, announce(payload, 'counted'));
  await send(payload, over);
  await spool.keepOnly([{ key, counted: new Set([deviceId('counted')]) }]);
  expect(await readdir(join(folder, 'spool'))).toEqual(['run~1-1']);
  expect(await readdir(join(folder, 'spool', 'run~1-1'))).toEqual([`a.${hashOf(payload)}`]);
});

test('a payload of the wrong length is refused before a byte of it is taken', () => {
  expect(() => checkAnnouncedLength(announce(new Uint8Array(41)), 10, float32Encoding)).toThrow(
    /41 bytes.*have 40/,
  );
  checkAnnouncedLength(announce(new Uint8Array(40)), 10, float32Encoding);
  checkAnnouncedLength(announce(new Uint8Array(14)), 10, stochastic8BitEncoding);
});

test.each([
  ['UPDATE_NOT_FINITE', float32Bytes(Float32Array.of(1, Number.NaN)), undefined],
  ['UPDATE_NOT_FINITE', float32Bytes(Float32Array.of(Number.NEGATIVE_INFINITY, 1)), undefined],
  ['UPDATE_LENGTH_MISMATCH', new Uint8Array(4), undefined],
  ['UPDATE_HASH_MISMATCH', new Uint8Array(8), brandHash('0'.repeat(64))],
])('a payload is refused with %s before anything is folded', async (code, payload, sha256) => {
  const announcement = announce(payload, 'a', sha256 === undefined ? {} : { sha256 });
  const path = await send(payload, announcement);
  await expect(verifyPayload(path, announcement, 2, float32Encoding)).rejects.toMatchObject({ code });
});

test('sums checkpointed and opened again at any moment give the mean of all updates, bit for bit', async () => {
  const sums = await openRoundSums(join(folder, 'sums'));
  const deltas = fc.array(
    fc.float32Array({
      minLength: 5,
      maxLength: 5,
      noNaN: true,
      noDefaultInfinity: true,
      min: -100,
      max: 100,
    }),
    {
      minLength: 1,
      maxLength: 6,
    },
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      deltas,
      fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      async (updates, restarts) => {
        round += 1;
        const here = { ...key, round };
        const paths = await Promise.all(
          updates.map((delta, index) => {
            const payload = float32Bytes(delta);
            return send(payload, announce(payload, `d${index}`, { key: here }));
          }),
        );
        const whole = await sums.open(here, null, 5, float32Encoding);
        for (const [index, path] of paths.entries()) await whole.fold(path, index + 1);
        let partial = null;
        let part = await sums.open(here, null, 5, float32Encoding);
        for (const [index, path] of paths.toReversed().entries()) {
          await part.fold(path, paths.length - index);
          partial = await part.checkpoint();
          if (restarts[index]) part = await sums.open(here, partial, 5, float32Encoding);
        }
        await sums.prune(here, partial);
        const restored = await sums.open(here, partial, 5, float32Encoding);
        expect(mean(restored.accumulator)).toEqual(mean(whole.accumulator));
        expect(restored.accumulator.count).toBe(updates.length);
      },
    ),
    { numRuns: 10 },
  );
});

test('only the checkpoint that the event log names is kept, and a damaged one is noticed', async () => {
  const sums = await openRoundSums(join(folder, 'sums'));
  const sum = await sums.open(key, null, 2, float32Encoding);
  const payload = float32Bytes(Float32Array.of(1, 2));
  await sum.fold(await send(payload, announce(payload)), 1);
  const first = await sum.checkpoint();
  await sum.fold(await send(payload, announce(payload, 'b')), 1);
  const second = await sum.checkpoint();
  await mkdir(join(folder, 'sums'), { recursive: true });
  await writeFile(join(folder, 'sums', `${second.file}.tmp`), 'half a sum');
  await sums.keepOnly([first]);
  expect(await readdir(join(folder, 'sums'))).toEqual([first.file]);
  expect((await sums.open(key, first, 2, float32Encoding)).accumulator.count).toBe(1);
  await writeFile(join(folder, 'sums', first.file), 'something else');
  await expect(sums.open(key, first, 2, float32Encoding)).rejects.toThrow(/no usable accumulator/);
  await sum.checkpoint();
  const wrong = { file: second.file, count: 1 };
  await expect(sums.open(key, wrong, 2, float32Encoding)).rejects.toThrow(
    /holds 2 updates, the event log says 1/,
  );
});
