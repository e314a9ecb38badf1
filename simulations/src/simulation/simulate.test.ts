/** What a run counts and measures, against what can be worked out by hand; and what a caller's own parts must not do. */
import { expect, test } from 'vitest';
import type { DeviceModel } from '../devices/index.js';
import { readScenario } from '../scenario/index.js';
import { smallScenario } from '../testing/small-scenario.js';
import { prepare } from './prepare.js';
import { distributionOf } from './record.js';
import { epsilonAfter } from './round-metrics.js';
import { simulate } from './simulate.js';
import type { CoordinatorPart } from './simulation.js';

// 8 features, 3 classes and their biases, as f32.
const vectorBytes = 4 * (8 * 3 + 3);
const cohort = 10;

test.each([
  ['fedavg', 1, 1],
  // The control variate of the fleet travels with the checkpoint, and a device's change of it with the update.
  ['scaffold', 2, 2],
  ['feddyn', 1, 1],
  ['local-only', 0, 0],
  ['centralized', 0, 0],
] as const)('%s sends devices %d vectors and is sent %d', async (strategy, down, up) => {
  const data = strategy === 'centralized' ? { data: 'mnist', model: { builtin: '2nn' } } : {};
  const scenario = smallScenario({ strategy, stop: { rounds: 1 }, ...data });
  if (strategy === 'centralized') {
    Object.assign(scenario, { training: { batchSize: 600, learningRate: 0.1, examplesMax: 600 } });
  }
  const { records } = await simulate(scenario, { workers: 1 });
  expect(records[0]).toMatchObject({
    downloadBytes: cohort * down * vectorBytes,
    uploadBytes: cohort * up * vectorBytes,
  });
});

test('clients that make their examples train on as many as they are allowed', async () => {
  const training = { batchSize: 4, learningRate: 0.1, examplesMax: 5 };
  const { records } = await simulate(smallScenario({ training, stop: { rounds: 1 } }), { workers: 1 });
  expect(records[0].examples).toBe(cohort * 5);
});

test('of an accuracy the worst tenth is the lowest, of a loss the highest', () => {
  const values = Array.from({ length: 20 }, (_, client) => client);
  expect(distributionOf(values, 'higher')).toMatchObject({ worstTenth: 0.5, bestTenth: 18.5 });
  expect(distributionOf(values, 'lower')).toMatchObject({ worstTenth: 18.5, bestTenth: 0.5 });
});

test('whoever is selected beyond the cohort may be counted, and ε says so', async () => {
  const spent = async (changes: Readonly<Record<string, unknown>>): Promise<number> => {
    const strategy = { kind: 'fedavg', weighting: 'uniform' };
    const privacy = { clip: 1, noiseMultiplier: 1 };
    return epsilonAfter(
      await prepare(readScenario(smallScenario({ strategy, privacy, ...changes }), '/')),
      3,
    );
  };
  const more = await spent({ devices: { overSelection: 2 } });
  expect(more).toBe(await spent({ cohort: { size: 20 } }));
  expect(more).toBeGreaterThan(await spent({ devices: {} }));
});

const own: DeviceModel = {
  times: () => ({ download: 1, training: 1, upload: 1 }),
  availability: () => 1,
};
const still: CoordinatorPart = {
  kind: 'still',
  initialize: () => ({ round: -1, vectors: [] }),
  apply: (_, checkpoint, __, round) => ({ state: { round, vectors: [] }, checkpoint }),
};

test('what of the caller’s own would have no part in a run is refused', async () => {
  const protocol = smallScenario({ mode: 'protocol', devices: {} });
  await expect(simulate(protocol, { deviceModel: own })).rejects.toThrow('deviceModel has no part in it');
  await expect(simulate(protocol, { algorithm: still })).rejects.toThrow('algorithm has no part in it');
  await expect(simulate(smallScenario(), { deviceModel: own })).rejects.toThrow('they take no time');
  await expect(simulate(smallScenario(), { partition: () => [[0]] })).rejects.toThrow(
    'synthetic clients make their examples themselves',
  );
});

test('what a caller’s own parts give that cannot be is told, not computed with', async () => {
  const plugIn = { code: 'simulation/plug-in' };
  const digits = smallScenario({ data: 'mnist', model: { builtin: '2nn' } });
  for (const [parts, message] of [
    [[[0], [60_000]], 'client 1 holds example 60000'],
    [[[0], [-1]], 'client 1 holds example -1'],
    [[[0.5]], 'client 0 holds example 0.5'],
    [[], 'it has no clients'],
  ] as const) {
    const run = simulate(digits, { partition: () => parts, workers: 1 });
    await expect(run).rejects.toMatchObject({ ...plugIn, message: expect.stringContaining(message) });
  }
  const scenario = smallScenario({ devices: {} });
  for (const [wrong, message] of [
    [{ times: () => ({ download: 1, training: Number.NaN, upload: 1 }) }, 'NaN seconds for training'],
    [{ availability: () => 1.5 }, 'an availability of 1.5'],
  ] as const) {
    const run = simulate(scenario, { deviceModel: { ...own, ...wrong }, workers: 1 });
    await expect(run).rejects.toMatchObject({ ...plugIn, message: expect.stringContaining(message) });
  }
  const short: CoordinatorPart = {
    ...still,
    apply: (state, checkpoint) => ({ state, checkpoint: checkpoint.slice(1) }),
  };
  await expect(simulate(smallScenario(), { algorithm: short, workers: 1 })).rejects.toMatchObject({
    ...plugIn,
    message: expect.stringContaining('a checkpoint of 26 parameters; the model has 27'),
  });
});
