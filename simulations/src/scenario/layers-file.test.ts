/** A layers model of TensorFlow.js as the model of a scenario. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepare } from '../simulation/prepare.js';
import { runScenario } from '../simulation/simulate.js';
import { parseScenario } from './parse.js';

const folder = mkdtempSync(join(tmpdir(), 'starling-sim-layers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const layer = (name: string, units: number, activation: string, first = {}) => ({
  class_name: 'Dense',
  config: { name, units, activation, use_bias: true, ...first },
});
const weights = [
  { name: 'hidden/kernel', shape: [8, 6], dtype: 'float32' },
  { name: 'hidden/bias', shape: [6], dtype: 'float32' },
  { name: 'last/kernel', shape: [6, 3], dtype: 'float32' },
  { name: 'last/bias', shape: [3], dtype: 'float32' },
];
const values = Float32Array.from({ length: 8 * 6 + 6 + 6 * 3 + 3 }, (_, i) => 0.5 * Math.sin(3 * i + 1));

beforeAll(() => {
  const layers = [layer('hidden', 6, 'tanh', { batch_input_shape: [null, 8] }), layer('last', 3, 'linear')];
  const modelTopology = { class_name: 'Sequential', config: { name: 'small', layers } };
  const weightsManifest = [{ paths: ['weights.bin'], weights }];
  writeFileSync(join(folder, 'weights.bin'), new Uint8Array(values.buffer));
  const file = { format: 'layers-model', modelTopology, weightsManifest };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(file));
  const lost = { ...file, weightsManifest: [{ paths: ['nowhere.bin'], weights }] };
  writeFileSync(join(folder, 'lost.json'), JSON.stringify(lost));
});

const scenarioOf = (model: string, mode: string) =>
  parseScenario(
    [
      'name: layers',
      'seed: 7',
      `mode: ${mode}`,
      'data: { kind: synthetic, examples: 12, features: 8, classes: 3 }',
      'partition: { kind: iid, clients: 8 }',
      `model: { onnx: ${model} }`,
      'training: { batchSize: 4, learningRate: 0.2 }',
      'cohort: { size: 4 }',
      'stop: { rounds: 4 }',
    ].join('\n'),
    folder,
  );

test('begins with the weights of the file beside the scenario, learns, and is the same in both modes', async () => {
  const { scenario } = scenarioOf('model.json', 'fast');
  expect([...(await prepare(scenario)).initial].sort()).toEqual([...values].sort());
  const fast = await runScenario(scenario, { workers: 1 });
  const accuracies = fast.records.map(({ test: measured }) => measured?.accuracy ?? Number.NaN);
  expect(accuracies[3]).toBeGreaterThan(accuracies[0] + 0.05);
  const protocol = await runScenario(scenarioOf('model.json', 'protocol').scenario, {});
  expect(protocol.checkpoint).toBe(fast.checkpoint);
});

test('weights that are missing are told by the line of the model', async () => {
  const { scenario, lineOf } = scenarioOf('lost.json', 'fast');
  await expect(prepare(scenario, { lineOf })).rejects.toThrow(/line 6: model.*nowhere\.bin/);
});
