import { expect, test } from 'vitest';
import { buildModel, initializeParameters, parseModel } from '../models/index.js';
import { compilePlan } from '../plan/index.js';
import { classExamples } from '../testing/examples.js';
import { chooseThreads } from './choose-threads.js';
import { onnxruntimeTraining } from './onnxruntime-training.js';

const definition = parseModel({
  kind: 'sequential',
  inputShape: [6],
  layers: [
    { kind: 'dense', units: 8 },
    { kind: 'relu' },
    { kind: 'dropout', rate: 0.1 },
    { kind: 'dense', units: 3 },
  ],
});
const plan = compilePlan(definition, {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  batchSize: 5,
  correction: true,
});

/** A clock by which runs of the first number of threads take one time, and those of the second another. */
function clock(firstMs: number, secondMs: number): () => number {
  let [asked, ms] = [0, 0];
  return () => {
    // Twice a run, three runs a turn.
    const isEnd = asked % 2 === 1;
    if (isEnd) ms += Math.floor(asked / 6) % 2 === 0 ? firstMs : secondMs;
    asked += 1;
    return ms;
  };
}

test.each([
  ['one thread is faster', 3, 2, 1],
  ['they take the same', 2, 2, 2],
  ['two are faster', 2, 3, 2],
])('where %s, training has the threads that it should', async (_, many, one, expected) => {
  expect(await chooseThreads(plan, 2, clock(many, one))).toBe(expected);
});

test('a machine that is slow for one turn decides nothing', async () => {
  const inTime = clock(2, 3);
  let [asked, slowMs] = [0, 0];
  const slowAtFirst = (): number => {
    const ms = inTime();
    if (asked < 6 && asked % 2 === 1) slowMs += 5;
    asked += 1;
    return ms + slowMs;
  };
  expect(await chooseThreads(plan, 2, slowAtFirst)).toBe(2);
});

test('what is learned is what is learned without measuring', async () => {
  const { source } = classExamples(23, 6, 3, 3);
  const parameters = initializeParameters(buildModel(definition), 1);
  const correction = new Float32Array(parameters.length);
  const deltas = [];
  for (const options of [{}, { threads: 2, now: clock(3, 2) }]) {
    const session = await onnxruntimeTraining.load(plan, options);
    const settings = { epochs: 2, learningRate: 0.1, seed: 4 };
    deltas.push((await session.train({ parameters, correction, examples: source, ...settings })).delta);
    await session.release();
  }
  expect(deltas[1]).toEqual(deltas[0]);
});
