/** Training with quantization: against PyTorch's fake quantization, and against the int8 form that comes of it. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { differentiate } from '../autodiff/index.js';
import { buildModel, importModelFile, initializeParameters, parseModel } from '../models/index.js';
import { fromTensor } from '../onnx/evaluation/index.js';
import { GraphBuilder, tensorOf } from '../onnx/index.js';
import { compilePlan, exportModel, withQuantization } from '../plan/index.js';
import { onnxruntimeInference, onnxruntimeTraining } from '../runtimes/index.js';
import type { ExampleSource } from '../runtimes/runtime.js';
import { runOnnxRuntime } from '../testing/run-onnxruntime.js';
import { fakeQuantizeWeight } from './fake-quantize.js';
import { exportQuantized, QuantizeError, quantizationAware } from './index.js';

interface Oracle {
  readonly fakeQuantize: {
    readonly x: string;
    readonly gradient: string;
    readonly perTensor: {
      readonly scale: number;
      readonly zeroPoint: number;
      readonly y: string;
      readonly gradient: string;
    };
    readonly perChannel: { readonly y: string; readonly gradient: string };
    readonly learnedScaleGradient: number;
  };
}

const file = (name: string): URL => new URL(`../../../test/oracles/${name}`, import.meta.url);
const oracle = (JSON.parse(readFileSync(file('quantization.json'), 'utf8')) as Oracle).fakeQuantize;

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
}

function expectNear(
  found: ArrayLike<number> | undefined,
  wanted: ArrayLike<number>,
  tolerance: number,
): void {
  expect(found).toHaveLength(wanted.length);
  for (let i = 0; i < wanted.length; i++)
    expect(Math.abs((found?.[i] ?? Number.NaN) - wanted[i])).toBeLessThan(tolerance);
}

test('rounding to uint8, its gradient and that of its scale are those of PyTorch', async () => {
  const { scale, zeroPoint, y, gradient } = oracle.perTensor;
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [4, 6]);
  const s = b.input('scale', 'float32', [1]);
  const zero = b.constant(tensorOf('uint8', [1], [zeroPoint]));
  const rounded = b.op('DequantizeLinear', [b.op('QuantizeLinear', [x, s, zero]), s, zero]);
  const lossGradient = b.constant(tensorOf('float32', [4, 6], floats(oracle.gradient)));
  const [byX, byScale] = differentiate(b, { loss: rounded, lossGradient, withRespectTo: [x, s] });
  b.output(rounded, 'y');
  b.output(byX, 'byX');
  b.output(byScale, 'byScale');
  const feeds = new Map([
    ['x', fromTensor(tensorOf('float32', [4, 6], floats(oracle.x)))],
    ['scale', fromTensor(tensorOf('float32', [1], [scale]))],
  ]);
  const found = await runOnnxRuntime(b.build(), feeds);
  expectNear(found.get('y')?.data, floats(y), 1e-6);
  expectNear(found.get('byX')?.data, floats(gradient), 1e-6);
  expectNear(found.get('byScale')?.data, [oracle.learnedScaleGradient], 1e-3);
});

test('rounding a weight by channel, and its gradient, are those of PyTorch', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [4, 6]);
  const stop: Parameters<typeof differentiate>[1]['withRespectTo'][number][] = [];
  const rounded = fakeQuantizeWeight(b, x, 1, (value) => void stop.push(value));
  const lossGradient = b.constant(tensorOf('float32', [4, 6], floats(oracle.gradient)));
  const [byX] = differentiate(b, { loss: rounded, lossGradient, withRespectTo: [x], stop });
  b.output(rounded, 'y');
  b.output(byX, 'byX');
  const found = await runOnnxRuntime(
    b.build(),
    new Map([['x', fromTensor(tensorOf('float32', [4, 6], floats(oracle.x)))]]),
  );
  expectNear(found.get('y')?.data, floats(oracle.perChannel.y), 1e-6);
  expectNear(found.get('byX')?.data, floats(oracle.perChannel.gradient), 1e-6);
});

const small = buildModel(
  parseModel({
    kind: 'sequential',
    inputShape: [1, 8, 8],
    layers: [
      { kind: 'conv2d', filters: 4, kernelSize: 3 },
      { kind: 'relu' },
      { kind: 'maxPool2d', poolSize: 2 },
      { kind: 'flatten' },
      { kind: 'dense', units: 8 },
      { kind: 'relu' },
      { kind: 'dense', units: 3 },
    ],
  }),
);

/** Bright quarters: which one decides the class. */
function quarters(elements: number): ExampleSource {
  const bright = (row: number) => row % 3;
  return {
    count: 240,
    readFeatures(indices, out) {
      indices.forEach((row, at) => {
        for (let i = 0; i < elements; i++) {
          const inside = Math.floor((4 * i) / elements) === bright(row);
          out[at * elements + i] = (inside ? 2 : 0) + Math.sin(row * 31 + i * i) * 0.5;
        }
      });
    },
    readTargets(indices, out) {
      indices.forEach((row, at) => {
        out[at] = bright(row);
      });
    },
  };
}

const training = {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'momentum', momentum: 0.9, nesterov: false },
  batchSize: 16,
} as const;

async function trained(model: typeof small, epochs: number) {
  const plan = compilePlan(model, training);
  const session = await onnxruntimeTraining.load(plan);
  const examples = quarters(model.inputShape.reduce((a, b) => a * b, 1));
  const start = initializeParameters(model, 1);
  const { delta } = await session.train({ parameters: start, examples, epochs, learningRate: 0.02, seed: 1 });
  const parameters = start.map((value, i) => value + delta[i]);
  const { sums, weight } = await session.evaluate({ parameters, examples });
  await session.release();
  return { plan, parameters, examples, accuracy: sums.accuracy / weight, loss: sums.loss / weight };
}

async function lossOf(bytes: Uint8Array, examples: ExampleSource, elements: number): Promise<number> {
  const session = await onnxruntimeInference.load(bytes);
  const indices = Uint32Array.from({ length: examples.count }, (_, i) => i);
  const [features, classes] = [new Float32Array(indices.length * elements), new Int32Array(indices.length)];
  examples.readFeatures(indices, features);
  examples.readTargets(indices, classes);
  const logits = await session.predict(features, indices.length);
  await session.release();
  const columns = logits.length / indices.length;
  let sum = 0;
  for (const row of indices) {
    const values = [...logits.subarray(row * columns, (row + 1) * columns)];
    sum += Math.log(values.reduce((total, value) => total + Math.exp(value), 0)) - values[classes[row]];
  }
  return sum / indices.length;
}

test.each([
  ['observed', 6],
  ['learned', 3],
] as const)(
  'with %s ranges a model learns, and its int8 form gives what training saw',
  async (ranges, epochs) => {
    const model = withQuantization(small, { ranges });
    expect(model.parameters.at(-1)).toMatchObject({ name: 'quantization.ranges', shape: [3, 2] });
    const { plan, parameters, examples, accuracy, loss } = await trained(model, epochs);
    expect(accuracy).toBeGreaterThan(0.97);
    const int8 = exportQuantized(plan, parameters);
    expect(Math.abs((await lossOf(int8, examples, 64)) - loss)).toBeLessThan(2e-3);
    // The f32 form of the same parameters is another one.
    const f32 = await lossOf(exportModel(plan, parameters), examples, 64);
    expect(Math.abs(f32 - loss)).toBeGreaterThan(1e-5);
    const found = parameters.slice(-6).map((value) => 2 ** value);
    expect([...found].every((value) => value > 0 && value < 100)).toBe(true);
    // What is learned starts wide, so that nothing is lost beyond it, and moves.
    if (ranges === 'learned') expect(found[0]).not.toBe(4);
    if (ranges === 'observed') {
      // Features are from -0.5 to 2.5.
      expect(found[0]).toBeGreaterThan(0.4);
      expect(found[0]).toBeLessThan(0.7);
      expect(found[1]).toBeGreaterThan(2.1);
      expect(found[1]).toBeLessThan(2.6);
    }
  },
);

test('a trained model loses nothing where it is first trained with quantization', async () => {
  const { parameters, examples, accuracy } = await trained(small, 3);
  const model = withQuantization(small, { ranges: 'learned' });
  const session = await onnxruntimeTraining.load(compilePlan(model, training));
  const start = initializeParameters(model, 1);
  start.set(parameters);
  const { sums, weight } = await session.evaluate({ parameters: start, examples });
  await session.release();
  expect(sums.accuracy / weight).toBeGreaterThan(accuracy - 0.005);
});

test('batch normalisation of an imported model is rounded with the weights it is folded into', async () => {
  const imported = importModelFile(file('models/residual/model.onnx').pathname);
  const model = withQuantization(imported, { ranges: 'observed' });
  const { plan, parameters, examples, loss } = await trained(model, 4);
  const elements = imported.inputShape.reduce((a, b) => a * b, 1);
  const int8 = exportQuantized(plan, parameters);
  const f32 = await lossOf(exportModel(plan, parameters), examples, elements);
  const difference = Math.abs((await lossOf(int8, examples, elements)) - loss);
  expect(difference).toBeLessThan(5e-3);
  expect(difference).toBeLessThan(Math.abs(f32 - loss) + 2e-3);
});

test.each(['cells', 'rnn-dynamo'])(
  '%s, whose first states are zeros, is trained as its int8 form computes',
  async (name) => {
    const imported = importModelFile(file(`models/${name}/model.onnx`).pathname);
    const model = withQuantization(imported, { ranges: 'observed' });
    const { plan, parameters, examples, loss } = await trained(model, imported.outputShape[0]);
    const elements = imported.inputShape.reduce((a, b) => a * b, 1);
    const int8 = exportQuantized(plan, parameters);
    expect(Math.abs((await lossOf(int8, examples, elements)) - loss)).toBeLessThan(5e-3);
  },
);

test('what cannot be trained with quantization is refused with a remedy', () => {
  const layers = [
    { kind: 'dropout', rate: 0.5 },
    { kind: 'dense', units: 2 },
  ];
  const dropout = buildModel(parseModel({ kind: 'sequential', inputShape: [4], layers }));
  expect(() => quantizationAware(dropout, { ranges: 'observed' })).toThrow(/leave the dropout out/);
  const norm = buildModel(
    parseModel({ kind: 'sequential', inputShape: [4], layers: [{ kind: 'layerNorm' }] }),
  );
  expect(() => quantizationAware(norm, { ranges: 'observed' })).toThrow(QuantizeError);
  const plan = compilePlan(small, training);
  expect(() => exportQuantized(plan, initializeParameters(small, 1))).toThrow(/not made for quantization/);
});
