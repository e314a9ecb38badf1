import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildModel, initializeParameters, parseModel } from '../models/index.js';
import { compilePlan } from '../plan/index.js';
import { classExamples, examplesOf } from '../testing/examples.js';
import { RuntimeError } from './errors.js';
import { onnxruntimeTraining } from './onnxruntime-training.js';
import type { TrainingSession } from './runtime.js';

const definition = parseModel({
  kind: 'sequential',
  inputShape: [7],
  layers: [{ kind: 'dense', units: 9 }, { kind: 'relu' }, { kind: 'dense', units: 4 }],
});
const plan = compilePlan(definition, {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'sgd' },
  batchSize: 10,
});
const start = initializeParameters(buildModel(definition), 5);
const common = { epochs: 3, learningRate: 0.1, seed: 11 };

let session: TrainingSession;
beforeAll(async () => {
  session = await onnxruntimeTraining.load(plan);
});
afterAll(() => session.release());

test.each<[string, string, RegExp, (session: TrainingSession) => Promise<unknown>]>([
  [
    'too few parameters',
    'runtime/input',
    /the plan has 112 parameters, but 3 were given/,
    (session) =>
      session.evaluate({ parameters: new Float32Array(3), examples: classExamples(5, 7, 4, 1).source }),
  ],
  [
    'a parameter that is not a number',
    'runtime/input',
    /parameter 66 \(of "layers.0.bias"\) is NaN/,
    (session) =>
      session.evaluate({
        parameters: start.with(66, Number.NaN),
        examples: classExamples(5, 7, 4, 1).source,
      }),
  ],
  [
    'no examples',
    'runtime/input',
    /at least one example/,
    (session) => session.train({ parameters: start, examples: examplesOf([], []), ...common }),
  ],
  [
    'an infinite feature',
    'runtime/input',
    /feature 2 of example 1 is Infinity/,
    (session) => {
      const rows = [
        [1, 1, 1, 1, 1, 1, 1],
        [1, 1, Number.POSITIVE_INFINITY, 1, 1, 1, 1],
      ];
      return session.train({ parameters: start, examples: examplesOf(rows, [[0], [1]]), ...common });
    },
  ],
  [
    'a class there is not',
    'runtime/input',
    /the target of example 0 is 4; it must be a class from 0 to 3/,
    (session) =>
      session.train({ parameters: start, examples: examplesOf([[1, 1, 1, 1, 1, 1, 1]], [[4]]), ...common }),
  ],
  [
    'no epochs',
    'runtime/input',
    /epochs must be an integer of at least 1, found 0/,
    (session) =>
      session.train({ parameters: start, examples: classExamples(5, 7, 4, 1).source, ...common, epochs: 0 }),
  ],
  [
    'a learning rate that diverges',
    'runtime/diverged',
    /lower the learning rate/,
    (session) =>
      session.train({
        parameters: start,
        examples: classExamples(20, 7, 4, 1).source,
        ...common,
        learningRate: 1e30,
      }),
  ],
])('%s is refused with a typed error', async (_, code, sentence, action) => {
  const error = await action(session).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RuntimeError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(sentence) });
});

test('a released session says so', async () => {
  const released = await onnxruntimeTraining.load(plan);
  await released.release();
  await released.release();
  await expect(
    released.evaluate({ parameters: start, examples: classExamples(5, 7, 4, 1).source }),
  ).rejects.toMatchObject({
    code: 'runtime/released',
  });
});
