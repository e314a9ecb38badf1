import { expect, test } from 'vitest';
import { CoordinatorError } from '../errors.js';
import { formatTask, parseTask, parseTaskFile } from './parse.js';

const mnist = `
name: mnist
model: { builtin: 2nn }
contract:
  features:
    - { name: image, dataType: uint8, shape: [28, 28], range: [0, 255], scale: 0.00392156862745098 }
  target: { kind: class, name: digit, classes: 10 }
training:
  loss: softmax-cross-entropy
  batchSize: 20
  learningRate: 0.1
cohort:
  size: 10
stop:
  rounds: 20
`;

function refusal(text: string): string {
  try {
    parseTaskFile(text, '/tasks');
  } catch (error) {
    if (error instanceof CoordinatorError && error.code === 'TASK_INVALID') return error.refusal.message;
    throw error;
  }
  throw new Error('the task was accepted');
}

test('fills in every default, and gives the same definition back from its canonical JSON', () => {
  const task = parseTaskFile(mnist, '/tasks');
  expect(task).toMatchObject({
    training: { optimizer: { kind: 'sgd' }, epochs: 1, learningRateDecay: 1, examplesMax: 0 },
    strategy: { kind: 'fedavg', weighting: 'by-examples' },
    encoding: { kind: 'float32' },
    cohort: { size: 10, minimum: 10, overSelection: 1 },
    evaluation: { federated: null, central: null },
    stop: { rounds: 20, target: null, patience: null },
    attempts: 5,
  });
  const json = formatTask(task);
  expect(parseTask(json)).toEqual(task);
  expect(formatTask(parseTask(json))).toBe(json);
});

test('expands kinds that are named alone', () => {
  const text = mnist.replace('batchSize: 20', 'batchSize: 20\n  optimizer: momentum');
  const task = parseTaskFile(
    `${text}strategy: { kind: fedprox, proximalMu: 0.1 }\nencoding: stochastic-quantization`,
    '/',
  );
  expect(task.training.optimizer).toEqual({ kind: 'momentum', momentum: 0.9, nesterov: false });
  expect(task.strategy).toMatchObject({ kind: 'fedprox', proximalMu: 0.1 });
  expect(task.encoding).toEqual({ kind: 'stochastic-quantization', bits: 8, blockSize: 1024 });
});

test('takes the folder of central examples from where the file lies, and only absolute paths over the wire', () => {
  const task = parseTaskFile(`${mnist}evaluation: { central: { examples: data/test } }`, '/tasks');
  expect(task.evaluation.central).toEqual({ everyRounds: 1, examples: '/tasks/data/test' });
  const json = formatTask(task).replace('/tasks/data/test', 'data/test');
  expect(() => parseTask(json)).toThrow('evaluation.central.examples: must be an absolute path');
});

test('federated evaluation takes the training cohort unless told otherwise', () => {
  const task = parseTaskFile(`${mnist}evaluation: { federated: { holdout: 0.1 } }`, '/');
  expect(task.evaluation.federated).toEqual({ everyRounds: 1, holdout: 0.1, cohort: task.cohort });
});

// What is wrong with the text, and what the message must say, with the line.
const faults: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'stop:\n  rounds: 20',
    'stop:\n  round: 20',
    ['line 15: stop.round: unknown key "round", did you mean "rounds"?'],
  ],
  [
    'rounds: 20',
    'rounds: 20\n  colour: 1',
    ['line 16: stop.colour: unknown key "colour". It takes rounds, '],
  ],
  ['batchSize: 20', 'batchsize: 20', ['line 10: training.batchsize', 'did you mean "batchSize"?']],
  ['  size: 10', '  size: 10\n  minimum: 12', ['line 14: cohort.minimum: is 12, more than']],
  ['size: 10', 'size: 25000', ['line 13: cohort.size: asks for a sum of ', 'has room for 20000']],
  ['builtin: 2nn', 'builtin: 3nn', ['line 3: model: there is no model named "3nn"']],
  ['builtin: 2nn', 'builtin: cnn1d', ['contract.features: one example has 784 numbers', 'takes 768']],
  ['classes: 10', 'classes: 12', ['line 7: contract.target.classes: is 12', '10 values']],
  [
    'softmax-cross-entropy',
    'mean-squared-error',
    ['contract.target.kind: mean-squared-error learns from numbers'],
  ],
  ['softmax-cross-entropy', 'hinge', ['line 9: training.loss.kind: must be one of softmax-cross-entropy']],
  ['learningRate: 0.1', 'learningRate: -1', ['line 11: training.learningRate']],
  ['\n  learningRate: 0.1', '', ['line 8: training.learningRate: is missing']],
  ['learningRate: 0.1', 'learningRate: fast', ['line 11: training.learningRate: must be a number']],
  ['learningRate: 0.1', 'learningRate: 0', ['line 11: training.learningRate: must be above 0']],
  ['batchSize: 20', 'batchSize: 2.5', ['line 10: training.batchSize: must be a whole number']],
  ['size: 10', 'size: 0', ['line 13: cohort.size: must be at least 1']],
  ['shape: [28, 28]', 'shape: [28, 0]', ['line 6: contract.features[0].shape']],
  ['name: mnist', 'name: "-"', ['line 2: name: use 1 to 64']],
  ['name: mnist', 'name: mnist\nstrategy: scaffold', ['line 3: strategy.kind: scaffold is for simulations']],
  [
    'name: mnist',
    'name: mnist\nstrategy: { kind: fedavg, mu: 1 }',
    ['line 3: strategy.mu: fedavg has no setting "mu"'],
  ],
  [
    'rounds: 20',
    'rounds: 20\n  target: { metric: accuracy, source: central, value: 0.9 }',
    ['line 16: stop.target.source: nothing is measured there; add "evaluation.central"'],
  ],
  [
    'rounds: 20',
    'rounds: 20\n  patience: { metric: acuracy, source: training, measurements: 3 }',
    ['stop.patience.metric: "acuracy" is not measured'],
  ],
  ['cohort:\n  size: 10', 'cohort: [', ['not YAML', 'line ']],
  [
    'model: { builtin: 2nn }',
    'model: { kind: sequential, inputShape: [784], layers: [{ kind: dense, unit: 10 }] }',
    ['line 3: model.layers[0]: layer 0 (dense)', 'units'],
  ],
];

test.each(faults)('%s → %s', (right, wrong, sentences) => {
  expect(mnist).toContain(right);
  const message = refusal(mnist.replace(right, wrong));
  for (const sentence of sentences) expect(message).toContain(sentence);
});

test('lists every fault at once', () => {
  const message = refusal(mnist.replace('size: 10', 'size: 0').replace('rounds: 20', 'rounds: none'));
  expect(message).toContain('cohort.size');
  expect(message).toContain('stop.rounds');
});

test('a runtime that cannot train the model is named with its line', () => {
  const requiring = mnist.replace('batchSize: 20', 'batchSize: 20\n  runtime: tfjs');
  expect(refusal(requiring)).toMatch(/training\.runtime.*tfjs trains layers models alone/s);
  expect(refusal(requiring.replace('tfjs', 'abacus'))).toMatch(/training\.runtime/);
});
