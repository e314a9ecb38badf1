/** What attacks do to a fleet, and what robust aggregates do about it. */
import type { ExampleSource } from '@starling/engine';
import { expect, test } from 'vitest';
import { simulate } from '../simulation/simulate.js';
import { smallScenario } from '../testing/small-scenario.js';
import { triggeredExamples } from './attacks.js';

const accuracyOf = async (changes: Readonly<Record<string, unknown>>): Promise<number> => {
  const scenario = smallScenario({
    data: { kind: 'synthetic', examples: 30, features: 8, classes: 3 },
    stop: { rounds: 10 },
    cohort: { size: 12 },
    ...changes,
  });
  const { records } = await simulate(scenario, { workers: 1 });
  return records.at(-1)?.test?.accuracy ?? Number.NaN;
};

test('a few who send their update ten times the wrong way ruin the mean, and not the median', async () => {
  const attack = { kind: 'sign-flip', share: 0.25, factor: 10 };
  const honest = await accuracyOf({});
  expect(honest).toBeGreaterThan(0.9);
  const ruined = await accuracyOf({ attack });
  const defended = await accuracyOf({ attack, strategy: { kind: 'fedavg', aggregation: 'median' } });
  expect(ruined).toBeLessThan(0.5);
  expect(defended).toBeGreaterThan(honest - 0.1);
});

test.each([
  { kind: 'label-flip', share: 0.9 },
  { kind: 'gaussian', share: 0.5, stddev: 10 },
  { kind: 'sybil', share: 0.9, factor: 5 },
])('$kind spoils what a fleet learns', async (attack) => {
  // Without it, 0.91.
  expect(await accuracyOf({ attack })).toBeLessThan(0.8);
});

test('who sends an update many times over moves the mean further', async () => {
  const moved = async (attack: unknown): Promise<number> => {
    const scenario = smallScenario({ stop: { rounds: 1 }, attack });
    return Math.hypot(...(await simulate(scenario, { workers: 1 })).parameters);
  };
  expect(await moved({ kind: 'scaled-update', share: 0.5, factor: 50 })).toBeGreaterThan(
    2 * (await moved(null)),
  );
});

test('all examples in one place are one client with everything, whatever the cohort', async () => {
  const scenario = smallScenario({
    data: 'mnist',
    model: { kind: 'sequential', inputShape: [784], layers: [{ kind: 'dense', units: 10 }] },
    training: { batchSize: 1000, learningRate: 0.1 },
    strategy: 'centralized',
    stop: { rounds: 1 },
  });
  const { records } = await simulate(scenario, { workers: 1 });
  expect(records[0]).toMatchObject({ updates: 1, examples: 60_000 });
});

test('a backdoor is learned beside the task, and measured', async () => {
  const attack = {
    kind: 'backdoor',
    share: 0.4,
    target: 1,
    triggerFeatures: 2,
    triggerValue: 4,
    poisoned: 0.5,
  };
  const run = async (changes: object) =>
    (await simulate(smallScenario({ stop: { rounds: 10 }, ...changes }), { workers: 1 })).records.at(-1);
  const attacked = await run({ attack });
  const harmless = await run({ attack: { ...attack, share: 0 } });
  expect(attacked?.backdoor).toBeGreaterThan((harmless?.backdoor ?? 1) + 0.2);
});

test('a backdoor is tried on examples of other classes only: those of its own are taken for it without', () => {
  const classes = [1, 0, 2, 1, 0];
  const source: ExampleSource = {
    count: classes.length,
    readFeatures: (indices, out) => out.set([...indices].flatMap((index) => [index, index, index])),
    readTargets: (indices, out) => out.set([...indices].map((index) => classes[index])),
  };
  const trigger = { target: 1, triggerFeatures: 2, triggerValue: 9 };
  const { count, readFeatures, readTargets } = triggeredExamples(source, trigger);
  expect(count).toBe(3);
  const [features, targets] = [new Float32Array(9), new Int32Array(3)];
  readFeatures(Uint32Array.of(2, 0, 1), features);
  readTargets(Uint32Array.of(2, 0, 1), targets);
  expect([...features]).toEqual([9, 9, 4, 9, 9, 1, 9, 9, 2]);
  expect([...targets]).toEqual([1, 1, 1]);
});

test('a personal model serves clients that differ better than one for all', async () => {
  const evaluation = (personalization: unknown) => ({ clients: { holdout: 0.3 }, personalization });
  const contract = {
    features: [{ name: 'x', dataType: 'float32', shape: [1], range: [-1, 1] }],
    target: { kind: 'class', name: 'y', classes: 2 },
  };
  // Two kinds of clients, whose labels contradict each other.
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const folder = await mkdtemp(join(tmpdir(), 'starling-sim-personal-'));
  try {
    const rows = Array.from({ length: 400 }, (_, index) => {
      const x = Math.sin(index * 1.7);
      const who = index % 10;
      return JSON.stringify({ x, y: Number(x > 0 === who < 5), who });
    });
    await writeFile(join(folder, 'rows.jsonl'), rows.join('\n'));
    const measured = async (changes: object): Promise<number> => {
      const scenario = smallScenario({
        data: { kind: 'files', train: join(folder, 'rows.jsonl'), contract, group: 'who' },
        partition: { kind: 'natural' },
        model: { kind: 'sequential', inputShape: [1], layers: [{ kind: 'dense', units: 2 }] },
        training: { batchSize: 4, learningRate: 0.5, epochs: 3 },
        cohort: { size: 10 },
        ...changes,
      });
      return (await simulate(scenario, { workers: 1 })).records.at(-1)?.clients?.mean ?? Number.NaN;
    };
    const global = await measured({ evaluation: evaluation(null) });
    expect(global).toBeLessThan(0.7);
    for (const personalization of ['fine-tuning', { kind: 'ditto', lambda: 0.05, epochs: 3 }]) {
      expect(await measured({ evaluation: evaluation(personalization) })).toBeGreaterThan(0.9);
    }
    expect(await measured({ strategy: 'local-only', evaluation: evaluation(null) })).toBeGreaterThan(0.9);
  } finally {
    await rm(folder, { recursive: true });
  }
});
