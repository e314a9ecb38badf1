/** FedBN: what clients keep to themselves, in fast mode, in the real agents, and in a run that goes on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { simulate } from '../simulation/simulate.js';
import { writeNormalizedModel } from '../testing/normalized-model.js';
import { smallScenario } from '../testing/small-scenario.js';

const folder = mkdtempSync(join(tmpdir(), 'starling-sim-local-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const onnx = join(folder, 'normalized.onnx');
writeNormalizedModel(onnx);

const contract = {
  features: [{ name: 'x', dataType: 'float32', shape: [8], range: [-20, 20] }],
  target: { kind: 'class', name: 'y', classes: 3 },
};

const scenario = (batchNorm: string, changes: Readonly<Record<string, unknown>> = {}) =>
  smallScenario({
    partition: { kind: 'iid', clients: 6 },
    cohort: { size: 4 },
    stop: { rounds: 3 },
    model: { onnx, batchNorm },
    ...changes,
  });

test('both modes give the same shared model, bit for bit', async () => {
  const fast = await simulate(scenario('local'), { workers: 1 });
  const protocol = await simulate(scenario('local'), { mode: 'protocol' });
  expect(protocol.checkpoint).toBe(fast.checkpoint);
  // 8 x 6 and 6 x 3 weights; the 24 numbers of the normalisation are in no checkpoint.
  expect(fast.parameters).toHaveLength(66);
});

/** Four sensors that see the same thing, each with a scale and an offset of its own. */
function writeSensors(path: string): void {
  const columns = Array.from({ length: 8 }, (_, i) => `x.${i}`);
  const rows = Array.from({ length: 320 }, (_, row) => {
    const sensor = row % 4;
    const values = columns.map((_, i) => Math.sin(7.3 * row + 2.1 * i * i + 0.3 * row * i));
    const label = [0, 1, 2].reduce((best, k) => (values[k] > values[best] ? k : best), 0);
    const seen = values.map((value) => ([1, 4, 0.2, 2][sensor] * value + [0, 9, -3, 5][sensor]).toFixed(4));
    return [...seen, label, `sensor-${sensor}`].join(',');
  });
  writeFileSync(path, [[...columns, 'y', 'who'].join(','), ...rows, ''].join('\n'));
}

test('clients keep what is theirs, whoever computes for them, and are better off with it', async () => {
  const train = join(folder, 'sensors.csv');
  writeSensors(train);
  const shifted = (batchNorm: string, evaluation: Readonly<Record<string, unknown>> = {}) =>
    scenario(batchNorm, {
      data: { kind: 'files', train, group: 'who', contract },
      partition: { kind: 'natural' },
      training: { batchSize: 8, learningRate: 0.1, epochs: 2 },
      stop: { rounds: 12 },
      evaluation: { clients: { everyRounds: 12 }, ...evaluation },
    });
  const one = await simulate(shifted('local'), { workers: 1 });
  const two = await simulate(shifted('local'), { workers: 2 });
  expect(two.checkpoint).toBe(one.checkpoint);
  expect(two.records).toEqual(one.records);
  const averaged = await simulate(shifted('averaged'), { workers: 1 });
  const mean = ({ records }: typeof one) => records.at(-1)?.clients?.mean ?? Number.NaN;
  expect(mean(one)).toBeGreaterThan(mean(averaged) + 0.05);
  const ditto = { personalization: { kind: 'ditto', lambda: 0.1 } };
  await expect(simulate(shifted('local', ditto))).rejects.toMatchObject({ code: 'simulation/scenario' });
});
