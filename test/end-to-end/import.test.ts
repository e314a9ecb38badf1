/** A model that somebody else made: imported by the command, then trained by a fleet. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compilePlan, importModelFile, initializeParameters, onnxruntimeTraining } from '@starling/engine';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  examplesFolder,
  openSmallExamples,
  repositoryRoot,
  runCommand,
  smallTask,
  startFleet,
  temporaryFolder,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const sklearn = join(repositoryRoot, 'test/oracles/sklearn');

interface Imported {
  readonly imported: boolean;
  readonly model: string;
  readonly task: string;
  readonly trainedCount: number;
  readonly logits: { readonly loss: string };
  readonly layers: readonly { readonly opType: string }[];
  readonly obstacles: readonly unknown[];
}

test('a perceptron of scikit-learn is imported, and a fleet trains it', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'import');
  const command = [
    'model',
    'import',
    join(sklearn, 'mlp.onnx'),
    '--output',
    folder,
    '--name',
    'kinds',
    '--json',
  ];
  const { code, stdout, stderr } = await runCommand('starling', command);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const imported: Imported = JSON.parse(stdout);
  expect(imported).toMatchObject({ imported: true, trainedCount: 51, obstacles: [] });
  expect(imported.logits.loss).toBe('softmax-cross-entropy');

  // The task that was written, with a contract that fits the fleet's examples.
  const written = parse(await readFile(imported.task, 'utf8'));
  const { contract, training, stop, cohort } = smallTask({ agents: 2, rounds: 4 });
  const fleet = await startFleet(scope, {
    agents: 2,
    rounds: 4,
    overrides: {
      ...written,
      model: { ...written.model, onnx: imported.model },
      contract,
      training: { ...written.training, ...training },
      cohort,
      stop,
      evaluation: { federated: { holdout: 0.2 } },
    },
  });
  const run = await fleet.operator.ended(await fleet.operator.start(fleet.task, 1));
  expect(run.state).toBe('completed');

  const bytes = await fleet.operator.download(run.checkpoint?.sha256 ?? new Uint8Array());
  const learned = new Float32Array(Uint8Array.from(bytes).buffer);
  const model = importModelFile(imported.model);
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 20,
  });
  const session = await onnxruntimeTraining.load(plan);
  const accuracy = async (parameters: Float32Array): Promise<number> => {
    const examples = await openSmallExamples(examplesFolder(fleet.folder, 0));
    const { sums, weight } = await session.evaluate({ parameters, examples });
    return sums.accuracy / weight;
  };
  const before = await accuracy(initializeParameters(model, 1));
  const after = await accuracy(learned);
  await session.release();
  expect(after).toBeGreaterThan(Math.max(before, 0.8));
});

test('a model that cannot be trained writes nothing, and says which node and what to do', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'import');
  const { code, stderr } = await runCommand('starling', [
    'model',
    'import',
    join(repositoryRoot, 'README.md'),
    '--output',
    folder,
    '--json',
  ]);
  expect(code).not.toBe(0);
  expect(JSON.parse(stderr).error.code).toBe('onnx/malformed');
});

test('a row that pads is named on the command line: gradients agree with PyTorch then, and the task names it too', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'import');
  const padded = join(repositoryRoot, 'test/oracles/padded');
  const check = ['model', 'check-gradients', padded, '--json'];
  const named = ['--padding-row', 'embedding.weight=0'];
  const file = [
    'model',
    'import',
    join(padded, 'model.onnx'),
    '--output',
    folder,
    '--name',
    'words',
    '--json',
  ];
  const [silent, told, imported, wrong] = await Promise.all([
    runCommand('starling', check),
    runCommand('starling', [...check, ...named]),
    runCommand('starling', [...file, ...named]),
    runCommand('starling', [...check, '--padding-row', 'embedding.weight']),
  ]);
  // PyTorch's own gradients know of the row, and the exported file does not.
  expect(silent.code).toBe(1);
  expect(JSON.parse(silent.stdout).maxRelativeError).toBeGreaterThan(0.1);
  expect(told.code).toBe(0);
  expect(JSON.parse(told.stdout).maxRelativeError).toBeLessThan(1e-4);
  expect(imported.code).toBe(0);
  const task = parse(await readFile(JSON.parse(imported.stdout).task, 'utf8'));
  expect(task.model.paddingRows).toEqual({ 'embedding.weight': 0 });
  expect(wrong.code).not.toBe(0);
  expect(JSON.parse(wrong.stderr).error.message).toContain('is no weight with a row');
});
