import { expect, test } from 'vitest';
import { parseModel } from '../models/index.js';
import { compilePlan } from '../plan/index.js';
import { examplesOf } from '../testing/examples.js';
import { ChunkBuffers } from './chunk-buffers.js';
import { ChunkReader, copyRows } from './chunk-reader.js';

test('what a batch lacks is zeros of weight 0, even where another batch was before', () => {
  const { manifest } = compilePlan(
    parseModel({ kind: 'sequential', inputShape: [2], layers: [{ kind: 'dense', units: 3 }] }),
    { loss: { kind: 'softmax-cross-entropy' }, optimizer: { kind: 'sgd' }, batchSize: 3 },
  );
  const rows = [
    [1, 2],
    [3, 4],
    [5, 6],
  ];
  const arrays = new ChunkBuffers(manifest).take(6, 6);
  const reader = new ChunkReader(manifest, examplesOf(rows, [[0], [1], [2]]), { arrays, batchSize: 3 });
  reader.read(0, Uint32Array.of(2, 1, 0), true);
  reader.read(1, Uint32Array.of(0, 1, 2), true);
  reader.read(1, Uint32Array.of(1), true);
  expect([...reader.arrays.features]).toEqual([5, 6, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0]);
  expect([...reader.arrays.targets]).toEqual([2, 1, 0, 1, 0, 0]);
  expect([...reader.arrays.weights]).toEqual([1, 1, 1, 1, 0, 0]);
  expect([...reader.arrays.order]).toEqual([0, 1, 2, 3, 4, 5]);
});

test('where the features lie in memory, only their rows are told, and as many batches read as are wanted', () => {
  const { manifest } = compilePlan(
    parseModel({ kind: 'sequential', inputShape: [2], layers: [{ kind: 'dense', units: 3 }] }),
    { loss: { kind: 'softmax-cross-entropy' }, optimizer: { kind: 'sgd' }, batchSize: 2 },
  );
  const features = [
    [1, 2],
    [3, Number.NaN],
    [5, 6],
  ];
  const examples = examplesOf(features, [[0], [1], [2]]);
  const buffers = new ChunkBuffers(manifest);
  const arrays = buffers.take(4, 4);
  const rows = copyRows(examples, arrays.features, 2, 1);
  const reader = new ChunkReader(manifest, examples, { arrays, batchSize: 2, rows });
  reader.read(0, Uint32Array.of(2, 0), true);
  expect([...arrays.order.subarray(0, 2)]).toEqual([3, 1]);
  expect(() => reader.read(0, Uint32Array.of(2, 0, 1), true)).toThrow(/feature 1 of example 1 is NaN/);
  reader.read(0, Uint32Array.of(2, 0, 1), false);
  expect([...arrays.order]).toEqual([3, 1, 2, 3]);
  expect([...arrays.targets]).toEqual([2, 0, 1, 0]);
  expect([...arrays.weights]).toEqual([1, 1, 1, 0]);
  expect([...reader.features].slice(2)).toEqual([1, 2, 3, Number.NaN, 5, 6]);
});

test('a plan cannot make a device allocate without bound', () => {
  const { manifest } = compilePlan(
    parseModel({ kind: 'sequential', inputShape: [1000], layers: [{ kind: 'dense', units: 3 }] }),
    { loss: { kind: 'softmax-cross-entropy' }, optimizer: { kind: 'sgd' }, batchSize: 1_000_000 },
  );
  const buffers = new ChunkBuffers(manifest);
  expect(() => buffers.take(manifest.batchSize, manifest.batchSize)).toThrow(
    /smaller batchSize or chunkSteps/,
  );
});
