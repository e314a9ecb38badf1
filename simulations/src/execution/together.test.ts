import { expect, test } from 'vitest';
import { simulate } from '../simulation/simulate.js';
import { smallScenario } from '../testing/small-scenario.js';
import { canGoTogether } from './together.js';

const scenario = (clientsTogether: number | 'auto', changes: object = {}) =>
  smallScenario({ training: { batchSize: 4, learningRate: 0.1, clientsTogether }, ...changes });

test('who goes together does not depend on the number of workers', async () => {
  const [one, three] = [
    await simulate(scenario(3), { workers: 1 }),
    await simulate(scenario(3), { workers: 3 }),
  ];
  expect(three).toEqual(one);
});

test('clients that go together learn what they learn alone, up to rounding', async () => {
  const [together, alone] = [
    await simulate(scenario(4), { workers: 1 }),
    await simulate(scenario(1), { workers: 1 }),
  ];
  expect(together.checkpoint).not.toBe(alone.checkpoint);
  for (const [round, { training, test: _, ...record }] of alone.records.entries()) {
    const other = together.records[round];
    expect(other.training.loss).toBeCloseTo(training.loss ?? Number.NaN, 4);
    expect(other.uploadBytes).toBe(record.uploadBytes);
  }
});

test('small cohorts, and whoever does something to single updates, go alone whatever is wanted', async () => {
  const same = async (changes: object): Promise<void> => {
    const [wanted, alone] = [
      await simulate(scenario(4, changes), { workers: 1 }),
      await simulate(scenario(1, changes), { workers: 1 }),
    ];
    expect(wanted.checkpoint).toBe(alone.checkpoint);
  };
  await same({
    privacy: { clip: 0.5, noiseMultiplier: 0 },
    strategy: { kind: 'fedavg', weighting: 'uniform' },
  });
  await same({ strategy: 'scaffold' });
  const [auto, alone] = [
    await simulate(scenario('auto'), { workers: 1 }),
    await simulate(scenario(1), { workers: 1 }),
  ];
  expect(auto.checkpoint).toBe(alone.checkpoint);
});

test('one run takes clients with as many steps from one checkpoint', () => {
  const job = { client: 1, count: 12, epochs: 1, slot: 0 };
  expect(canGoTogether([job, { ...job, client: 2, count: 11 }], 4)).toBe(true);
  expect(canGoTogether([job, { ...job, count: 8 }], 4)).toBe(false);
  expect(canGoTogether([job, { ...job, count: 6, epochs: 2 }], 4)).toBe(false);
  expect(canGoTogether([job, { ...job, slot: 1 }], 4)).toBe(false);
  expect(canGoTogether([job], 4)).toBe(false);
  expect(
    canGoTogether(
      [job, job].map((each) => ({ ...each, epochs: 20 })),
      4,
    ),
  ).toBe(false);
});
