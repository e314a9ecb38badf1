/** Recurrent layers as loops: the gradient that trains them, against differences of what ONNX Runtime's own operators compute. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readReference } from '../../gradient-check/reference.js';
import { importModel, importModelFile, initializeParameters } from '../../models/index.js';
import { type Attribute, GraphBuilder, int, string, tensorOf, type Value } from '../../onnx/index.js';
import { compilePlan } from '../../plan/index.js';
import { planFileNames } from '../../plan/names.js';
import { onnxruntimeTraining } from '../../runtimes/index.js';
import { examplesOf } from '../../testing/examples.js';

const [steps, inputs, hidden, classes] = [25, 2, 3, 2];

interface Layer {
  readonly kind: 'GRU' | 'LSTM' | 'RNN';
  readonly gates: number;
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly directions: number;
  readonly withBias: boolean;
  readonly withStart: boolean;
  /** Whether the loss sees every step, the last states, or both. */
  readonly reads: 'steps' | 'states' | 'both';
}

const layer = (
  kind: Layer['kind'],
  reads: Layer['reads'],
  direction: string,
  more: Readonly<Record<string, Attribute>> = {},
  options: Partial<Layer> = {},
): Layer => ({
  kind,
  reads,
  gates: { GRU: 3, LSTM: 4, RNN: 1 }[kind],
  attributes: { hidden_size: int(hidden), direction: string(direction), ...more },
  directions: direction === 'bidirectional' ? 2 : 1,
  withBias: true,
  withStart: false,
  ...options,
});

function modelOf({ kind, gates, attributes, directions, withBias, withStart, reads }: Layer) {
  const b = new GraphBuilder();
  const wave = (name: string, shape: readonly number[], scale = 0.7): Value => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, (_, i) => scale * Math.sin(1 + 2.3 * i + 5 * name.length));
    return b.initializer(name, tensorOf('float32', shape, values));
  };
  const x = b.input('x', 'float32', ['batch', steps, inputs]);
  const w = wave('weight', [directions, gates * hidden, inputs]);
  const r = wave('recurrent', [directions, gates * hidden, hidden]);
  const bias = withBias ? wave('bias', [directions, 2 * gates * hidden], 0.3) : undefined;
  // A start that is learned, the same for every example.
  const batch = b.op('Slice', [b.op('Shape', [x]), b.ints([0]), b.ints([1])]);
  const shape = b.op('Concat', [b.ints([directions]), batch, b.ints([hidden])], { axis: int(0) });
  const start = withStart
    ? b.op('Expand', [b.op('Mul', [wave('start', [directions, 1, hidden]), wave('scale', [1])]), shape])
    : undefined;
  const sequence = b.op('Transpose', [x], { perm: { kind: 'ints', value: [1, 0, 2] } });
  const states = kind === 'LSTM' ? [start, start] : [start];
  const outputs = b.ops(kind, [sequence, w, r, bias, undefined, ...states], 1 + states.length, attributes);
  const [all, ...last] = outputs;
  const rows = (value: Value) => b.op('Transpose', [value], { perm: { kind: 'ints', value: [1, 0, 2] } });
  const flat = (value: Value, size: number) => b.op('Reshape', [value, b.ints([-1, size])]);
  const mean = b.op('ReduceMean', [b.op('Mul', [all, all]), b.ints([0])], { keepdims: int(0) });
  const seen = [
    ...(reads === 'states' ? [] : [flat(rows(mean), directions * hidden)]),
    ...(reads === 'steps' ? [] : last.map((value) => flat(rows(value), directions * hidden))),
  ];
  const features = seen.length === 1 ? seen[0] : b.op('Concat', seen, { axis: int(1) });
  b.output(b.op('MatMul', [features, wave('head', [seen.length * directions * hidden, classes], 1)]));
  return importModel(b.build());
}

const count = 3;
const features = Array.from({ length: count }, (_, n) =>
  Array.from({ length: steps * inputs }, (_, i) => Math.sin(0.9 * i + 2 * n)),
);
const examples = examplesOf(
  features,
  features.map((_, n) => [n % classes]),
);

test.each([
  layer('RNN', 'both', 'forward'),
  layer('RNN', 'states', 'bidirectional', {}, { withBias: false }),
  layer('LSTM', 'steps', 'reverse'),
  layer('LSTM', 'both', 'bidirectional', {}, { withStart: true }),
  layer('GRU', 'both', 'forward', { linear_before_reset: int(1) }, { withStart: true }),
  layer('GRU', 'states', 'bidirectional'),
  layer('GRU', 'steps', 'reverse', { linear_before_reset: int(1) }, { withBias: false }),
])('$kind, $reads: a step of training goes down the slope', async (kind) => {
  const model = modelOf(kind);
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: count,
  });
  const text = Buffer.from(plan.files.get(planFileNames.train) ?? []).toString('latin1');
  expect(text).toContain('recurrent step');
  const parameters = initializeParameters(model, 0);
  const session = await onnxruntimeTraining.load(plan);
  const { delta, metrics } = await session.train({
    parameters,
    examples,
    epochs: 1,
    learningRate: 1,
    seed: 1,
  });
  const lossAt = async (at: Float32Array) =>
    (await session.evaluate({ parameters: at, examples })).sums.loss / count;
  expect(metrics.sums.loss / count).toBeCloseTo(await lossAt(parameters), 5);
  const step = 1e-2;
  const slopes: number[] = [];
  for (let i = 0; i < parameters.length; i++) {
    const moved = async (by: number) => {
      const at = parameters.slice();
      at[i] += by;
      return lossAt(at);
    };
    // Five points: the error is of the fourth power of the step.
    const [a, b, c, d] = [
      await moved(2 * step),
      await moved(step),
      await moved(-step),
      await moved(-2 * step),
    ];
    slopes.push((8 * (b - c) - (a - d)) / (12 * step));
  }
  await session.release();
  const apart = Math.hypot(...slopes.map((slope, i) => slope + delta[i]));
  expect(apart).toBeLessThan(2e-3 * Math.hypot(...slopes));
});

test('a step over all kinds of layers is the one that PyTorch takes', async () => {
  const folder = join(
    dirname(fileURLToPath(import.meta.url)),
    '../../../../test/oracles/models/recurrent-long',
  );
  const reference = readReference(folder);
  const model = importModelFile(join(folder, 'model.onnx'));
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 3,
  });
  const rows = (flat: Float64Array) => {
    const size = flat.length / 3;
    return [0, 1, 2].map((row) => [...flat.subarray(row * size, (row + 1) * size)]);
  };
  const source = examplesOf(rows(reference.input), rows(reference.target));
  const parameters = initializeParameters(model, 0);
  const session = await onnxruntimeTraining.load(plan);
  const { delta, metrics } = await session.train({
    parameters,
    examples: source,
    epochs: 1,
    learningRate: 1,
    seed: 1,
  });
  await session.release();
  expect(metrics.sums.loss / 3).toBeCloseTo(reference.lossValue, 5);
  // The exporter puts gates in another order, so that the numbers are the same ones elsewhere.
  const sorted = (values: Float32Array) => values.map(Math.abs).toSorted();
  const [ours, theirs] = [sorted(delta), sorted(reference.gradients)];
  expect(ours).toHaveLength(theirs.length);
  const apart = Math.hypot(...ours.map((value, i) => value - theirs[i]));
  expect(apart).toBeLessThan(1e-4 * Math.hypot(...theirs));
});
