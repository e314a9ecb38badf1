import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  aggregateRobustly,
  columnsOf,
  createAccumulator,
  createSeededEntropy,
  encodeUpdate,
  float32Encoding,
  foldUpdate,
  mean,
  type UpdateEncoding,
  uniform,
} from '@starling/federation';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { openKeptUpdates } from './kept-updates.js';
import { readColumns } from './update-columns.js';

let folder = '';
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const parameterCount = 1000;
const quantized: UpdateEncoding = { kind: 'stochastic-quantization', bits: 8, blockSize: 64 };

async function writeUpdates(count: number, encoding: UpdateEncoding) {
  const entropy = createSeededEntropy(`kept ${count}`);
  const paths: string[] = [];
  const decoded: Float32Array[] = [];
  for (let i = 0; i < count; i += 1) {
    const delta = Float32Array.from({ length: parameterCount }, () => uniform(entropy) - 0.5);
    const payload = encodeUpdate(delta, encoding, entropy);
    const alone = createAccumulator(parameterCount);
    foldUpdate(alone, payload, encoding, 1);
    decoded.push(mean(alone));
    paths.push(join(folder, `payload-${i}`));
    await writeFile(paths[i], payload);
  }
  return { paths, decoded };
}

test.each([
  [float32Encoding, 7],
  [float32Encoding, 1000],
  [quantized, 64],
  [quantized, 192],
  [quantized, 1024],
])('columns of %o in stretches of %d are the updates', async (encoding, length) => {
  const { paths, decoded } = await writeUpdates(3, encoding);
  const read = decoded.map(() => new Float32Array(parameterCount));
  for await (const { start, rows } of readColumns(paths, parameterCount, encoding, length)) {
    for (const [row, values] of rows.entries()) {
      expect(values.length).toBeLessThanOrEqual(length);
      read[row].set(values, start);
    }
  }
  for (const [row, values] of read.entries()) {
    // The sums that the reference comes from are multiples of 2^-30.
    const worst = Math.max(...values.map((value, i) => Math.abs(value - decoded[row][i])));
    expect(worst).toBeLessThanOrEqual(2 ** -24);
  }
});

test('kept in any order, opened again at any moment: the same aggregate, bit for bit, and the one of updates in memory', async () => {
  const { paths, decoded } = await writeUpdates(6, float32Encoding);
  const options = { folder, parameterCount, encoding: float32Encoding };
  const results: Float32Array[] = [];
  for (const [name, order] of [
    ['x', [0, 1, 2, 3, 4, 5]],
    ['y', [4, 2, 5, 0, 3, 1]],
  ] as const) {
    let partialSum = null;
    for (const index of order) {
      const kept = await openKeptUpdates({ ...options, name, partialSum });
      await kept.fold(paths[index], 1);
      partialSum = await kept.checkpoint();
    }
    const kept = await openKeptUpdates({ ...options, name, partialSum });
    expect(kept.count).toBe(6);
    results.push(await kept.aggregate({ kind: 'geometric-median', smoothing: 1e-6, iterations: 8 }));
  }
  expect(results[0]).toEqual(results[1]);
  const inMemory = await aggregateRobustly(
    { kind: 'geometric-median', smoothing: 1e-6, iterations: 8 },
    columnsOf(decoded),
  );
  const worst = Math.max(...inMemory.map((value, i) => Math.abs(value - results[0][i])));
  expect(worst).toBeLessThanOrEqual(1e-6);
});

test('what is missing or damaged is noticed when it is opened', async () => {
  const { paths } = await writeUpdates(2, float32Encoding);
  const options = { folder, name: 'x', parameterCount, encoding: float32Encoding };
  const kept = await openKeptUpdates({ ...options, partialSum: null });
  for (const path of paths) await kept.fold(path, 2);
  const partialSum = await kept.checkpoint();
  await expect(openKeptUpdates({ ...options, partialSum: { ...partialSum, count: 3 } })).rejects.toThrow(
    /holds 2 updates, the event log says 3/,
  );
  await writeFile(join(folder, 'x.updates', '2'), 'short');
  await expect(openKeptUpdates({ ...options, partialSum })).rejects.toThrow(/5 of 4000 bytes/);
  await rm(join(folder, 'x.updates', '2'));
  await expect(openKeptUpdates({ ...options, partialSum })).rejects.toThrow(/ENOENT/);
  await writeFile(join(folder, partialSum.file), 'not an index');
  await expect(openKeptUpdates({ ...options, partialSum })).rejects.toThrow(/damaged/);
});
