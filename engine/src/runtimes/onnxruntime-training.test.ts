import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { buildModel, initializeParameters, parseModel, type SequentialModel } from '../models/index.js';
import { compilePlan, type Plan, type PlanOptions } from '../plan/index.js';
import { classExamples, examplesOf } from '../testing/examples.js';
import { referenceTraining } from '../testing/reference-training.js';
import { onnxruntimeTraining } from './onnxruntime-training.js';
import type { ExampleSource, TrainingSession } from './runtime.js';

const sizes = [7, 9, 4];
const definition = denseModel(7, 9, 4);
const start = initializeParameters(buildModel(definition), 5);

function denseModel(inputs: number, hidden: number, classes: number, ...between: unknown[]): SequentialModel {
  return parseModel({
    kind: 'sequential',
    inputShape: [inputs],
    layers: [
      { kind: 'dense', units: hidden },
      { kind: 'relu' },
      ...between,
      { kind: 'dense', units: classes },
    ],
  });
}

const open: TrainingSession[] = [];
afterEach(async () => {
  for (const session of open.splice(0)) await session.release();
});

async function sessionOf(plan: Plan): Promise<TrainingSession> {
  const session = await onnxruntimeTraining.load(plan);
  open.push(session);
  return session;
}

function plan(options: Partial<PlanOptions> = {}, model = definition): Plan {
  return compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 10,
    ...options,
  });
}

const common = { epochs: 3, learningRate: 0.1, seed: 11 };

test.each<[string, Partial<PlanOptions>, { momentum: number; proximalMu: number }]>([
  ['SGD', {}, { momentum: 0, proximalMu: 0 }],
  [
    'momentum',
    { optimizer: { kind: 'momentum', momentum: 0.9, nesterov: false } },
    { momentum: 0.9, proximalMu: 0 },
  ],
  ['a proximal term', { proximalMu: 0.7 }, { momentum: 0, proximalMu: 0.7 }],
  [
    'momentum with a proximal term',
    { optimizer: { kind: 'momentum', momentum: 0.5, nesterov: false }, proximalMu: 2 },
    { momentum: 0.5, proximalMu: 2 },
  ],
])('%s over 23 examples in batches of 10 is what plain loops give', async (_, options, reference) => {
  const examples = classExamples(23, 7, 4, 1);
  const session = await sessionOf(plan(options));
  const result = await session.train({ parameters: start, examples: examples.source, ...common });
  const expected = referenceTraining({
    sizes,
    start,
    features: examples.features,
    classes: examples.targets.map(([target]) => target),
    batchSize: 10,
    ...common,
    ...reference,
  });
  expect(result.steps).toBe(9);
  expect(result.metrics.weight).toBe(69);
  expect(result.metrics.sums.loss).toBeCloseTo(expected.lossSum, 3);
  expect(result.metrics.sums.accuracy).toBe(expected.correct);
  const worst = expected.delta.reduce(
    (most, value, at) => Math.max(most, Math.abs(value - result.delta[at])),
    0,
  );
  // Rounding of float32 only; a last batch divided by 10 instead of 3 would be off by 1e-2.
  expect(worst).toBeLessThan(2e-6);
  expect(Math.max(...result.delta.map(Math.abs))).toBeGreaterThan(0.05);
});

test('chunks of any size, and any number of examples, change no bit', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 47 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom<PlanOptions['optimizer']>(
      { kind: 'sgd' },
      { kind: 'momentum', momentum: 0.9, nesterov: true },
      { kind: 'adamw', beta1: 0.9, beta2: 0.99, epsilon: 1e-7, weightDecay: 0.01 },
    ),
    async (count, chunkSteps, epochs, optimizer) => {
      const model = denseModel(7, 9, 4, { kind: 'dropout', rate: 0.3 });
      const { source } = classExamples(count, 7, 4, count);
      const options = { parameters: start, examples: source, ...common, epochs };
      const whole = await sessionOf(plan({ optimizer, chunkSteps: 1000 }, model));
      const cut = await sessionOf(plan({ optimizer, chunkSteps }, model));
      expect(await cut.train(options)).toEqual(await whole.train(options));
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test('the same seed gives the same bits, another seed another order and other dropout masks', async () => {
  const model = denseModel(7, 9, 4, { kind: 'dropout', rate: 0.5 });
  const { source } = classExamples(40, 7, 4, 2);
  const session = await sessionOf(plan({ chunkSteps: 2 }, model));
  const train = (seed: number) => session.train({ parameters: start, examples: source, ...common, seed });
  const first = await train(1);
  expect(await train(1)).toEqual(first);
  expect((await train(2)).delta).not.toEqual(first.delta);
  // One batch of all examples: only the masks differ between seeds.
  const oneBatch = await sessionOf(plan({ batchSize: 40 }, model));
  const once = (seed: number) =>
    oneBatch.train({ parameters: start, examples: source, epochs: 1, learningRate: 0.1, seed });
  const [one, two] = [(await once(1)).delta, (await once(2)).delta];
  // Far more than the order of a sum could change.
  expect(Math.max(...one.map((value, at) => Math.abs(value - two[at])))).toBeGreaterThan(1e-3);
});

test('evaluation of any number of examples is the mean that plain loops give, and dropout is off in it', async () => {
  const model = denseModel(7, 9, 4, { kind: 'dropout', rate: 0.5 });
  const examples = classExamples(300, 7, 4, 3);
  const session = await sessionOf(plan({}, model));
  const found = await session.evaluate({ parameters: start, examples: examples.source });
  const expected = referenceTraining({
    sizes,
    start,
    features: examples.features,
    classes: examples.targets.map(([target]) => target),
    batchSize: 300,
    ...common,
    epochs: 1,
    momentum: 0,
    proximalMu: 0,
  });
  expect(found.weight).toBe(300);
  expect(found.sums.loss).toBeCloseTo(expected.lossSum, 3);
  expect(found.sums.accuracy).toBe(expected.correct);
});

test('a caller may stop between two chunks', async () => {
  const { source } = classExamples(40, 7, 4, 2);
  const session = await sessionOf(plan({ chunkSteps: 2 }));
  const stop = new AbortController();
  const seen: number[] = [];
  const training = session.train({
    parameters: start,
    examples: source,
    ...common,
    signal: stop.signal,
    onProgress({ stepsDone, stepsTotal, loss }) {
      seen.push(stepsDone);
      expect(stepsTotal).toBe(12);
      expect(loss).toBeGreaterThan(0);
      if (stepsDone === 4) stop.abort();
    },
  });
  await expect(training).rejects.toMatchObject({ name: 'AbortError' });
  expect(seen).toEqual([2, 4]);
  // The session is as good as new.
  const again = await session.train({ parameters: start, examples: source, ...common });
  expect(again.steps).toBe(12);
});

test('calls on one session wait for each other', async () => {
  const { source } = classExamples(40, 7, 4, 2);
  const session = await sessionOf(plan({ chunkSteps: 1 }));
  const options = { parameters: start, examples: source, ...common };
  const alone = await session.train(options);
  const both = await Promise.all([session.train(options), session.train(options)]);
  expect(both).toEqual([alone, alone]);
});

test('what a session did before leaves no trace', async () => {
  const options = (count: number) => ({
    parameters: start,
    examples: classExamples(count, 7, 4, count).source,
    ...common,
  });
  const used = await sessionOf(plan({ chunkSteps: 2 }));
  await used.train(options(40));
  await used.evaluate(options(33));
  const fresh = await sessionOf(plan({ chunkSteps: 2 }));
  expect(await used.train(options(23))).toEqual(await fresh.train(options(23)));
  expect(await used.evaluate(options(3))).toEqual(await fresh.evaluate(options(3)));
});

test('the checkpoint is not changed', async () => {
  const { source } = classExamples(20, 7, 4, 2);
  const session = await sessionOf(plan());
  const before = start.slice();
  await session.train({ parameters: start, examples: source, ...common });
  expect(start).toEqual(before);
});

test('a regression with more than one output learns a linear map', async () => {
  const model = parseModel({ kind: 'sequential', inputShape: [3], layers: [{ kind: 'dense', units: 2 }] });
  const { features } = classExamples(64, 3, 2, 4);
  const targets = features.map(([a, b, c]) => [a - 2 * b + 0.5, c]);
  for (const loss of [{ kind: 'mean-squared-error' }, { kind: 'huber', delta: 1 }] as const) {
    const session = await sessionOf(plan({ loss, batchSize: 16 }, model));
    const { delta } = await session.train({
      parameters: new Float32Array(8),
      examples: examplesOf(features, targets),
      epochs: 200,
      learningRate: 0.3,
      seed: 1,
    });
    // Weight [2, 3], then bias [2].
    [1, -2, 0, 0, 0, 1, 0.5, 0].forEach((value, at) => {
      expect(delta[at]).toBeCloseTo(value, 3);
    });
  }
});

test('examples train alike where they lie, copied all together, and copied for each run', async () => {
  const { features, source } = classExamples(43, 7, 4, 3);
  // Behind the rows of somebody else.
  const values = Float32Array.from([...new Array(7).fill(Number.NaN), ...features.flat()]);
  const inPlace = {
    ...source,
    rows: {
      values,
      locate: (indices: Uint32Array, out: Int32Array) => out.set(indices.map((index) => index + 1)),
    },
    readFeatures() {
      throw new Error('nothing is copied');
    },
  };
  const deltaOf = async (examples: ExampleSource, chunkSteps: number) => {
    const session = await sessionOf(plan({ chunkSteps }));
    return (await session.train({ parameters: start, examples, epochs: 3, learningRate: 0.1, seed: 2 }))
      .delta;
  };
  const copiedForEachRun = await deltaOf(source, 2);
  expect(await deltaOf(source, 5)).toEqual(copiedForEachRun);
  expect(await deltaOf(inPlace, 2)).toEqual(copiedForEachRun);
  const broken = { ...inPlace, rows: { ...inPlace.rows, values: values.with(7 + 7 * 12 + 3, Number.NaN) } };
  await expect(deltaOf(broken, 2)).rejects.toThrow('feature 3 of example 12 is NaN');
});

test('a correction is added to every gradient, and wanted by the plans that were compiled for one', async () => {
  const correction = start.map((_, index) => Math.sin(index));
  const examples = classExamples(10, 7, 4, 3).source;
  const one = { parameters: start, examples, epochs: 1, learningRate: 0.1, seed: 11 };
  const plain = await (await sessionOf(plan())).train(one);
  const session = await sessionOf(plan({ correction: true }));
  const corrected = await session.train({ ...one, correction });
  for (const [index, value] of corrected.delta.entries()) {
    expect(value).toBeCloseTo(plain.delta[index] - 0.1 * correction[index], 5);
  }
  await expect(session.train(one)).rejects.toThrow('compiled with a correction of gradients; give one');
  const without = await sessionOf(plan());
  await expect(without.train({ ...one, correction })).rejects.toThrow('leave it out');
});

test('training from elsewhere than the anchor: the delta is from the anchor, and it pulls', async () => {
  const session = await sessionOf(plan({ proximalMu: 0.7 }));
  const anchor = start.map((value) => value + 0.01);
  const examples = classExamples(10, 7, 4, 3).source;
  const one = { parameters: start, examples, epochs: 1, learningRate: 0.1, seed: 11 };
  const plain = await session.train(one);
  const into = new Float32Array(start.length);
  const anchored = await session.train({ ...one, anchor, into });
  expect(anchored.delta).toBe(into);
  for (const [index, value] of into.entries()) {
    // One step: the anchor's pull is 0.7·(w - anchor) = -0.007.
    expect(value).toBeCloseTo(plain.delta[index] + 0.1 * 0.007 - 0.01, 5);
  }
});
