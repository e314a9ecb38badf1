/** Settings of layers that change what they compute: read, or refused by name, and never left out. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { importModelFile } from '../import/index.js';

const folder = mkdtempSync(join(tmpdir(), 'starling-layers-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Written {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** A sequential model of these layers over this input, all of whose weights are ones. */
function written(
  input: readonly number[],
  layers: readonly Written[],
  shapes: Record<string, number[]>,
): string {
  const first = { class_name: 'InputLayer', config: { name: 'in', batch_input_shape: [null, ...input] } };
  const weights = Object.entries(shapes).map(([name, shape]) => ({ name, shape, dtype: 'float32' }));
  const count = Object.values(shapes).reduce((sum, shape) => sum + shape.reduce((n, size) => n * size, 1), 0);
  const modelTopology = { class_name: 'Sequential', config: { name: 'made', layers: [first, ...layers] } };
  const path = join(folder, 'model.json');
  writeFileSync(join(folder, 'weights.bin'), new Uint8Array(new Float32Array(count).fill(1).buffer));
  const weightsManifest = [{ paths: ['weights.bin'], weights }];
  writeFileSync(path, JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }));
  return path;
}

const layer = (class_name: string, config: Record<string, unknown> = {}): Written => ({
  class_name,
  config: { name: class_name.toLowerCase(), ...config },
});
const dense = (name: string, more: Record<string, unknown> = {}) =>
  layer('Dense', { name, units: 4, ...more });
const denseShapes = { 'a/kernel': [4, 4], 'a/bias': [4], 'b/kernel': [4, 4], 'b/bias': [4] };

test.each([
  [layer('ReLU', { negative_slope: 0.2 }), [4], /layer relu: negative_slope 0.2 is not handled/],
  [layer('ReLU', { threshold: 1 }), [4], /threshold 1 is not handled/],
  [layer('LeakyReLU', { negative_slope: 0.2 }), [4], /negative_slope 0.2 is not handled; use 0.3/],
  [layer('LayerNormalization', { axis: [1] }), [4, 4], /axis 1 is not handled/],
  [layer('BatchNormalization', { axis: 1 }), [4, 4], /axis 1 is not handled/],
  [layer('LSTM', { return_state: true }), [4, 4], /return_state true is not handled/],
  [layer('Embedding', { mask_zero: true }), [4], /mask_zero true is not handled/],
  [layer('Flatten', { data_format: 'channels_first' }), [4, 4], /data_format channels_first/],
  [layer('ZeroPadding2D', { data_format: 'channels_first' }), [4, 4, 4], /data_format channels_first/],
  [layer('GlobalMaxPooling2D', { data_format: 'channels_first' }), [4, 4, 4], /data_format channels_first/],
])('%j is refused', (odd, input, problem) => {
  expect(() => importModelFile(written(input, [odd, dense('a')], denseShapes))).toThrow(problem);
});

test.each([
  layer('ReLU', { negative_slope: 0, threshold: 0, max_value: null }),
  layer('LeakyReLU', { alpha: 0.2 }),
])('%j is as usual', (usual) => {
  const path = written([4], [usual, dense('a'), dense('b')], denseShapes);
  expect(importModelFile(path).parameterCount).toBe(40);
});

test('layers that were saved frozen stay so, unless named', () => {
  const path = written([4], [dense('a', { trainable: false }), dense('b')], denseShapes);
  const namesOf = (trainable?: string[]) =>
    importModelFile(path, trainable === undefined ? {} : { trainable }).parameters.map(({ name }) => name);
  expect(namesOf()).toEqual(['b/bias', 'b/kernel']);
  expect(namesOf(['*'])).toHaveLength(4);
  const all = [dense('a', { trainable: false }), dense('b', { trainable: false })];
  expect(() => importModelFile(written([4], all, denseShapes))).toThrow(/every layer frozen/);
});
