import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { compileTask } from './compile.js';
import { parseTask, parseTaskFile } from './parse.js';
import { runSettingsOf } from './run-settings.js';
import { nearest } from './suggest.js';

function task(changes: Readonly<Record<string, unknown>> = {}) {
  return parseTask(
    JSON.stringify({
      name: 'toy',
      model: { builtin: 'mlp' },
      contract: {
        features: [{ name: 'x', dataType: 'float32', shape: [784], range: [0, 1] }],
        target: { kind: 'class', name: 'y', classes: 10 },
      },
      training: { loss: 'softmax-cross-entropy', batchSize: 20, learningRate: 0.1 },
      cohort: { size: 10, minimum: 8, overSelection: 1.2 },
      stop: { rounds: 3 },
      ...changes,
    }),
  );
}

test('compiles to a plan that the definition decides, and parameters that the seed decides', () => {
  const compiled = compileTask(task());
  expect(compiled.plan.manifest).toMatchObject({ parameterCount: 159_010, batchSize: 20, proximalMu: 0 });
  expect(compileTask(task()).plan.manifest).toEqual(compiled.plan.manifest);
  expect(compiled.initialParameters(1)).toHaveLength(159_010);
  expect(compiled.initialParameters(1)).toEqual(compiled.initialParameters(1));
  expect(compiled.initialParameters(1)).not.toEqual(compiled.initialParameters(2));
});

test('FedProx puts its μ into the plan', () => {
  const { plan } = compileTask(task({ strategy: { kind: 'fedprox', proximalMu: 0.25 } }));
  expect(plan.manifest.proximalMu).toBe(0.25);
});

test('a run goes by the task', () => {
  const central = { examples: '/data' };
  const federated = { holdout: 0.1, everyRounds: 2, cohort: { size: 4 } };
  const stop = {
    rounds: 3,
    target: { metric: 'accuracy', source: 'central', value: 0.9 },
    patience: { metric: 'loss', source: 'federated', measurements: 4, minimumChange: 0.01 },
  };
  const definition = task({ evaluation: { central, federated }, stop, deadlines: { recruitMs: 5 } });
  expect(runSettingsOf(definition, 35)).toMatchObject({
    rounds: 3,
    attemptsMax: 5,
    train: { updatesWanted: 10, updatesMin: 8, overSelection: 1.2, recruitTimeoutMs: 5 },
    federatedEvaluation: { everyRounds: 2, round: { updatesWanted: 4, updatesMin: 4 } },
    centralEvaluation: { everyRounds: 1 },
    stop: {
      target: { metric: 'accuracy', source: 'central', better: 'higher', value: 0.9 },
      patience: { metric: 'loss', source: 'federated', better: 'lower', measurements: 4, minDelta: 0.01 },
    },
  });
  const plain = runSettingsOf(task(), 35);
  expect(plain).toMatchObject({ rounds: 3, federatedEvaluation: null, centralEvaluation: null, stop: {} });
});

test('the nearest word is suggested, and none where nothing is near', () => {
  const known = ['batchSize', 'epochs', 'learningRate'];
  expect(nearest('batch_size', known)).toBe('batchSize');
  expect(nearest('learningrat', known)).toBe('learningRate');
  expect(nearest('dropout', known)).toBeUndefined();
});

const residual = fileURLToPath(new URL('../../../test/oracles/models/residual/model.onnx', import.meta.url));

const imported = {
  contract: {
    features: [{ name: 'x', dataType: 'float32', shape: [2, 12, 12], range: [-5, 5] }],
    target: { kind: 'class', name: 'y', classes: 4 },
  },
  model: { onnx: residual, trainable: ['head.*'], head: { outputs: 4 } },
};

test('an ONNX file is a model, of which the task says what is trained', () => {
  const { plan, initialParameters } = compileTask(task(imported));
  expect(plan.manifest.parameters.map(({ name }) => name)).toEqual(['head.weight', 'head.bias']);
  expect(plan.manifest.outputShape).toEqual([4]);
  expect(initialParameters(1)).toHaveLength(36);
});

test('an ONNX file beside the task is found from there', () => {
  const { definition } = compileTask(task(imported));
  const file = JSON.stringify({ ...definition, model: { ...imported.model, onnx: 'residual/model.onnx' } });
  const read = parseTaskFile(file, dirname(dirname(residual)));
  expect(read.model).toMatchObject({ onnx: residual });
});

test.each([
  [{ ...imported.model, onnx: '/nowhere.onnx' }, 'there is no model at /nowhere.onnx'],
  [{ ...imported.model, trainable: ['haed.*'] }, 'no parameter fits'],
  [{ ...imported.model, trainable: 'head' }, 'must be a list of names'],
  [{ ...imported.model, lora: { targets: ['*'], rank: 0, alpha: 1 } }, 'rank'],
])('a model %j is refused', (model, problem) => {
  expect(() => task({ ...imported, model })).toThrow(
    expect.objectContaining({
      refusal: expect.objectContaining({ message: expect.stringContaining(problem) }),
    }),
  );
});
