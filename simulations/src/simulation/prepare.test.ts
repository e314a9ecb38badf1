import { serialize } from 'node:v8';
import { expect, test } from 'vitest';
import { readScenario } from '../scenario/index.js';
import { smallScenario } from '../testing/small-scenario.js';
import { prepare } from './prepare.js';
import { simulateRounds } from './simulation.js';

const contract = {
  features: [{ name: 'x', dataType: 'float32', shape: [8], range: [-4, 4] }],
  target: { kind: 'class', name: 'y', classes: 3 },
};

test('what takes more memory than there is, is refused before the data is looked for', async () => {
  const scenario = readScenario(
    smallScenario({
      data: { kind: 'files', train: 'nowhere', contract },
      model: { kind: 'sequential', inputShape: [8], layers: [{ kind: 'dense', units: 100_000 }] },
      strategy: { kind: 'fedavg', aggregation: 'median' },
      partition: { kind: 'iid', clients: 1_000_000 },
      cohort: { size: 1_000_000 },
    }),
    '/nowhere',
  );
  await expect(prepare(scenario)).rejects.toThrow(
    /takes [0-9.]+ GiB of memory, but [0-9.]+ are free; a robust aggregate keeps every update/,
  );
});

test.each([
  ['a client holds', { batchSize: 65_536 }, 12],
  ['a client uses', { batchSize: 10, examplesMax: 5 }, 5],
  ['is asked for', { batchSize: 4, examplesMax: 5 }, 4],
])('a batch is no larger than what %s', async (_, training, expected) => {
  const scenario = smallScenario({ training: { learningRate: 0.1, ...training } });
  const { plan } = await prepare(readScenario(scenario, '/'));
  expect(plan.manifest.batchSize).toBe(expected);
});

test('a million devices take no memory until they are needed, and a round takes those of its cohort', async () => {
  const fleetOf = async (clients: number) => {
    const partition = { kind: 'iid', clients };
    return prepare(readScenario(smallScenario({ partition, stop: { rounds: 1 } }), '/'));
  };
  const [few, million] = [await fleetOf(40), await fleetOf(1_000_000)];
  expect(serialize(million.fleet).byteLength).toBeLessThan(serialize(few.fleet).byteLength + 10);
  for await (const { participants } of simulateRounds(million, { workers: 1 })) {
    expect(participants).toHaveLength(10);
    expect(Math.max(...participants)).toBeGreaterThan(40);
  }
});
