import { expect, test } from 'vitest';
import { buildModel, initializeParameters, parseModel } from '../models/index.js';
import { compilePlan, type PlanOptions } from '../plan/index.js';
import { classExamples } from '../testing/examples.js';
import { loadCohort } from './onnxruntime-cohort.js';
import { onnxruntimeTraining } from './onnxruntime-training.js';

const model = (inputs: number, hidden: number, ...between: unknown[]) =>
  parseModel({
    kind: 'sequential',
    inputShape: [inputs],
    layers: [{ kind: 'dense', units: hidden }, { kind: 'relu' }, ...between, { kind: 'dense', units: 4 }],
  });

const planOf = (definition: ReturnType<typeof model>, options: Partial<PlanOptions> = {}) =>
  compilePlan(definition, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 10,
    ...options,
  });

const counts = [25, 21, 30];
const weights = [3, 1, 2];
const common = { epochs: 2, learningRate: 0.1 };

test.each([
  ['steps as they are', model(7, 9), {}],
  ['a proximal term', model(7, 9), { proximalMu: 0.5 }],
  ['dropout', model(7, 9, { kind: 'dropout', rate: 0.5 }), {}],
  ['steps in blocks', model(512, 64), {}],
])('clients of one run give the sum of what each gives alone: %s', async (name, definition, options) => {
  const plan = planOf(definition, options);
  expect(plan.manifest.blockSteps !== undefined).toBe(name === 'steps in blocks');
  const parameters = initializeParameters(buildModel(definition), 5);
  const examplesOf = (count: number, seed: number) =>
    classExamples(count, definition.inputShape[0], 4, seed).source;
  const examples = counts.map((count, at) => examplesOf(count, at + 1));
  const session = await onnxruntimeTraining.load(plan);
  const expected = new Float64Array(parameters.length);
  const metrics = [];
  for (const [at, source] of examples.entries()) {
    const alone = await session.train({ ...common, parameters, examples: source, seed: at });
    for (let i = 0; i < expected.length; i++) expected[i] += weights[at] * alone.delta[i];
    metrics.push(alone.metrics);
  }
  await session.release();

  const cohort = await loadCohort(plan);
  const into = new Float32Array(parameters.length);
  const clients = examples.map((source, seed) => ({ examples: () => source, seed, weight: weights[seed] }));
  const told = await cohort?.train({ ...common, parameters, clients, into });
  const largest = Math.max(...expected.map(Math.abs));
  expect(largest).toBeGreaterThan(0.01);
  for (const [at, value] of into.entries())
    expect(Math.abs(value - expected[at])).toBeLessThan(1e-5 * largest);
  for (const [at, { weight, sums }] of metrics.entries()) {
    expect(told?.[at].weight).toBe(weight);
    expect(told?.[at].sums.accuracy).toBe(sums.accuracy);
    expect(told?.[at].sums.loss).toBeCloseTo(sums.loss, 3);
  }
  const unequal = [...clients, { examples: () => examplesOf(5, 9), seed: 1, weight: 1 }];
  await expect(cohort?.train({ ...common, parameters, clients: unequal, into })).rejects.toThrow(
    /client 3 of a run makes 2 steps, the first 6/,
  );
  await cohort?.release();
});

test('clients with a state of their own are for runs of their own', async () => {
  expect(
    await loadCohort(
      planOf(model(7, 9), { optimizer: { kind: 'momentum', momentum: 0.9, nesterov: false } }),
    ),
  ).toBeUndefined();
});
