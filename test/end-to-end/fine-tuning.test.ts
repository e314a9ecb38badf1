/** Larger models, of which agents with little memory train adapters. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FineTuning, fineTunings } from '@starling/benchmarks/dist/training/models/index.js';
import {
  compilePlan,
  importModelFile,
  initializeParameters,
  onnxruntimeTraining,
  openExamplesFolder,
  readContract,
  writeModel,
} from '@starling/engine';
import { createSeededEntropy, uniform } from '@starling/federation';
import { expect, test } from 'vitest';
import {
  coordinatorFolder,
  createOperator,
  enrolmentToken,
  startAgentProcess,
  startCoordinatorProcess,
  temporaryFolder,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

/** What the agent takes of tasks by their estimate, and what it ends its training process at, Node.js and all. */
const limits = ['memoryMegabytes: 350', 'training: { memoryMegabytesMax: 400 }', ''].join('\n');

interface Case {
  readonly name: string;
  readonly model: FineTuning;
  readonly shape: readonly number[];
  readonly classes: number;
  readonly learningRate: number;
  /** Element `at` of an example of that class. */
  readonly element: (kind: number, at: number, random: () => number) => number;
}

const cases: readonly Case[] = [
  {
    name: 'language-model',
    model: fineTunings['language-model-lora'],
    shape: [64],
    classes: 1000,
    learningRate: 0.02,
    // Tokens, of which the last decides.
    element: (kind, at, random) => (at === 63 ? kind : Math.floor(1000 * random())),
  },
  {
    name: 'mobilenet',
    model: fineTunings['mobilenet-lora'],
    shape: [3, 64, 64],
    classes: 10,
    learningRate: 0.0005,
    element: (kind, at, random) => Number((random() + (at % 10 === kind ? 1 : 0)).toFixed(2)),
  },
];

const batchSize = 20;

test.each(cases)(
  '$name learns by adapters on an agent of 350 megabytes',
  { timeout: 120_000 },
  async (one) => {
    const { name, model, shape, classes, learningRate } = one;
    const scope = testScope();
    const folder = await temporaryFolder(scope, 'fine-tuning');
    const onnx = join(folder, 'model.onnx');
    const whole = model.onnx();
    await writeFile(onnx, writeModel(whole));
    const range = [0, classes];
    const contract = {
      features: [{ name: 'x', dataType: 'float32', shape, range, scale: 1, offset: 0 }],
      target: { kind: 'class', name: 'y', classes },
    } as const;
    await writeFile(join(folder, 'examples.csv'), examplesOf(one, 2 * batchSize));
    const training = { loss: 'softmax-cross-entropy', batchSize, epochs: 2, learningRate };
    const task = {
      name,
      model: { onnx, ...model.options },
      contract,
      training: { ...training, memoryMegabytes: 350 },
      secureAggregation: 'none',
      cohort: { size: 1 },
      stop: { rounds: 1 },
    };

    const coordinator = await startCoordinatorProcess(scope, { folder: coordinatorFolder(folder), port: 0 });
    const operator = await createOperator(scope, coordinator);
    const configuration = join(folder, 'agent.yaml');
    await writeFile(configuration, limits);
    await startAgentProcess(scope, {
      coordinator: coordinator.address,
      deviceId: 'device-0',
      stateFolder: join(folder, 'state'),
      token: await enrolmentToken(coordinator, 'device-0'),
      examples: { [name]: folder },
      configuration,
    });
    const run = await operator.ended(await operator.start(task, 1), 100_000);
    expect(run.state).toBe('completed');

    const bytes = await operator.download(run.checkpoint?.sha256 ?? new Uint8Array());
    const learned = new Float32Array(Uint8Array.from(bytes).buffer);
    const all = [...whole.graph.initializers.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(all).toBeGreaterThan(2e6);
    expect(learned.length).toBeLessThan(0.1 * all);

    const trained = importModelFile(onnx, model.options);
    const plan = compilePlan(trained, {
      loss: { kind: 'softmax-cross-entropy' },
      optimizer: { kind: 'sgd' },
      batchSize,
    });
    const session = await onnxruntimeTraining.load(plan);
    scope.onClose(() => session.release());
    const examples = await openExamplesFolder(folder, readContract(contract, 'contract'));
    const loss = async (parameters: Float32Array): Promise<number> => {
      const { sums, weight } = await session.evaluate({ parameters, examples });
      return sums.loss / weight;
    };
    const [before, after] = [await loss(initializeParameters(trained, 1)), await loss(learned)];
    expect(after).toBeLessThan(before);
  },
);

function examplesOf({ name, shape, classes, element }: Case, count: number): string {
  const entropy = createSeededEntropy(`examples of ${name}`);
  const random = (): number => uniform(entropy);
  const size = shape.reduce((product, length) => product * length, 1);
  const rows = Array.from({ length: count }, (_, row) => {
    const kind = (row * 7) % Math.min(classes, 10);
    return [...Array.from({ length: size }, (_, at) => element(kind, at, random)), kind].join();
  });
  return [[...Array.from({ length: size }, (_, at) => `x.${at}`), 'y'].join(), ...rows, ''].join('\n');
}
