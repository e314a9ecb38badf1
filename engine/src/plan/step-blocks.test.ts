import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildModel, importModel, initializeParameters, namedModel, parseModel } from '../models/index.js';
import type { TrainableModel } from '../models/trainable.js';
import { GraphBuilder, int, tensorOf } from '../onnx/index.js';
import { type ExampleSource, onnxruntimeTraining } from '../runtimes/index.js';
import { compilePlan, type Plan, type PlanOptions, planFileNames } from './index.js';

const options: PlanOptions = {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'sgd' },
  batchSize: 10,
};

/** Images whose first layer is large enough for blocks, with dropout behind it; its weight is `[out, in]`. */
const dropped = buildModel(
  parseModel({
    kind: 'sequential',
    inputShape: [16, 16, 1],
    layers: [
      { kind: 'flatten' },
      { kind: 'dense', units: 128 },
      { kind: 'tanh' },
      { kind: 'dropout', rate: 0.25 },
      { kind: 'dense', units: 16 },
      { kind: 'tanh' },
      { kind: 'dense', units: 4 },
    ],
  }),
);

/** A first layer with its weight as `[in, out]`, of which the product has no bias: as other frameworks write them. */
function turned(bias: boolean): TrainableModel {
  const b = new GraphBuilder();
  const wave = (name: string, shape: readonly number[], scale: number) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return b.constant(
      tensorOf(
        'float32',
        shape,
        Float32Array.from({ length: count }, (_, at) => scale * Math.sin(at * 2.3)),
      ),
      name,
    );
  };
  const x = b.op('Flatten', [b.input('x', 'float32', ['batch', 16, 16, 1])], { axis: int(1) });
  const first = [x, wave('first', [256, 128], 0.05), ...(bias ? [wave('bias', [128], 0.1)] : [])];
  const hidden = b.op('Tanh', [b.op(bias ? 'Gemm' : 'MatMul', first)]);
  b.output(b.op('MatMul', [hidden, wave('second', [128, 4], 0.1)]));
  return importModel(b.build());
}

function examplesOf(count: number): ExampleSource {
  const features = Float32Array.from({ length: 256 * count }, (_, at) => Math.sin(at * 1.7) ** 3);
  return {
    count,
    readFeatures(indices, into) {
      indices.forEach(
        (index, at) => void into.set(features.subarray(index * 256, index * 256 + 256), at * 256),
      );
    },
    readTargets(indices, into) {
      into.set(Array.from(indices, (index) => index % 4));
    },
  };
}

/** The same plan for a device that takes one step after the other. */
function withoutBlocks({ manifest, files }: Plan): Plan {
  const { blockSteps: _, ...rest } = manifest;
  const { trainBlocks } = planFileNames;
  return {
    manifest: { ...rest, files: manifest.files.filter(({ name }) => name !== trainBlocks) },
    files: new Map([...files].filter(([name]) => name !== trainBlocks)),
  };
}

async function train(model: TrainableModel, plan: Plan, count: number, epochs: number) {
  const session = await onnxruntimeTraining.load(plan);
  try {
    const parameters = initializeParameters(model, 3);
    return await session.train({
      parameters,
      examples: examplesOf(count),
      epochs,
      learningRate: 0.05,
      seed: 5,
    });
  } finally {
    await session.release();
  }
}

test.each([
  ['[out, in]', () => dropped, 25],
  ['[in, out]', () => turned(true), 10],
  ['[in, out] without a bias', () => turned(false), 10],
])('blocks learn what single steps learn, whatever is left over: a weight %s', async (_, define, numRuns) => {
  const model = define();
  const settings = fc.record({
    batchSize: fc.integer({ min: 4, max: 30 }),
    count: fc.integer({ min: 1, max: 150 }),
    epochs: fc.integer({ min: 1, max: 3 }),
    chunkSteps: fc.integer({ min: 1, max: 20 }),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ batchSize, count, epochs, chunkSteps }) => {
      const plan = compilePlan(model, { ...options, batchSize, chunkSteps });
      expect(plan.files.has(planFileNames.trainBlocks)).toBe(true);
      const inBlocks = await train(model, plan, count, epochs);
      const single = await train(model, withoutBlocks(plan), count, epochs);
      expect(inBlocks.steps).toBe(single.steps);
      expect(inBlocks.metrics.weight).toBe(single.metrics.weight);
      expect(inBlocks.metrics.sums.loss / single.metrics.sums.loss).toBeCloseTo(1, 4);
      const length = Math.hypot(...single.delta);
      const apart = Math.hypot(...single.delta.map((value, at) => value - inBlocks.delta[at]));
      expect(apart / length).toBeLessThan(1e-4);
    }),
    { numRuns },
  );
});

test('a plan has blocks only where plain SGD alone changes a large first layer', () => {
  const hasBlocks = (name: string, changed: Partial<PlanOptions> = {}): boolean =>
    compilePlan(namedModel(name), { ...options, ...changed }).manifest.blockSteps !== undefined;
  expect(hasBlocks('2nn')).toBe(true);
  expect(hasBlocks('mlp')).toBe(true);
  expect(hasBlocks('cnn')).toBe(false);
  expect(hasBlocks('2nn', { batchSize: 64 })).toBe(false);
  expect(hasBlocks('2nn', { proximalMu: 0.1 })).toBe(false);
  expect(hasBlocks('2nn', { correction: true })).toBe(false);
  expect(hasBlocks('2nn', { optimizer: { kind: 'momentum', momentum: 0.9, nesterov: false } })).toBe(false);
  // Where memory is short, the second graph is the first thing that a plan does without.
  const { memoryBytes } = withoutBlocks(compilePlan(namedModel('2nn'), options)).manifest;
  expect(hasBlocks('2nn', { memoryBytesMax: memoryBytes - 1 })).toBe(false);
});

test('chunks are whole blocks', () => {
  for (const batchSize of [10, 20]) {
    const { chunkSteps, blockSteps = 1 } = compilePlan(namedModel('2nn'), { ...options, batchSize }).manifest;
    expect(blockSteps).toBe(60 / batchSize);
    expect(chunkSteps % blockSteps).toBe(0);
  }
});
