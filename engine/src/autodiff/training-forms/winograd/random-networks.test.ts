/** Networks drawn at random, trained as they are and in their forms: geometries, readers and layers that nobody thought of. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { float, type GraphBuilder, int, ints, string, tensorOf, type Value } from '../../../onnx/index.js';
import { positive, sample } from '../../../testing/samples.js';
import { compareTraining } from '../../../testing/training-forms.js';

const pair = (min: number, max: number) => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const padding = fc.oneof(
  { weight: 3, arbitrary: fc.record({ begin: pair(0, 2), end: pair(0, 2) }) },
  { weight: 1, arbitrary: fc.constantFrom('SAME_UPPER', 'SAME_LOWER', 'VALID') },
);

const mostly = <T, U>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 4, arbitrary: often }, { weight: 1, arbitrary: seldom });

const layers = ['tanh', 'leaky', 'clip', 'identity', 'normalized'] as const;

const networks = fc.record({
  batch: fc.integer({ min: 1, max: 4 }),
  channels: fc.integer({ min: 1, max: 3 }),
  side: pair(9, 26),
  filters: mostly(pair(16, 18), pair(8, 16)),
  kernel: mostly(fc.constant([3, 3] as [number, number]), pair(1, 5)),
  stride: mostly(fc.constant([1, 1] as [number, number]), pair(1, 2)),
  dilation: mostly(fc.constant([1, 1] as [number, number]), pair(1, 2)),
  first: padding,
  second: padding,
  biases: fc.tuple(fc.boolean(), fc.boolean()),
  between: mostly(fc.constantFrom('none', 'relu', 'relu twice'), fc.constantFrom(...layers)),
  after: fc.constantFrom('none', 'relu', 'relu twice', 'tanh', 'clip'),
  pool: mostly(
    fc.constantFrom('none', 'halves', 'ceil'),
    fc.constantFrom('overlapping', 'padded', 'average', 'global'),
  ),
  /** The first convolution, or what follows it, is read elsewhere too; and so is the second. */
  readers: fc.tuple(fc.constantFrom('none', 'raw', 'bent'), fc.constantFrom('none', 'raw', 'bent')),
  /** A third convolution, of the second one's weight where that fits. */
  third: fc.boolean(),
  /** The second weight is a sum of what is frozen and a product of adapters. */
  adapters: fc.boolean(),
  seed: fc.nat(1000),
});

type Network = typeof networks extends fc.Arbitrary<infer T> ? T : never;
type Padding = Network['first'];

const padded = (how: Padding) =>
  typeof how === 'string' ? { auto_pad: string(how) } : { pads: ints([...how.begin, ...how.end]) };

/** What is smooth everywhere: elsewhere a number that is nearly 0, or two that are nearly equal, may fall to either side. */
const isSmooth = ({ between, after, pool }: Network): boolean =>
  ['none', 'tanh', 'identity', 'normalized'].includes(between) &&
  ['none', 'tanh'].includes(after) &&
  ['none', 'average', 'global'].includes(pool);

const tensors = ({ batch, channels, side, filters, kernel, seed }: Network) => [
  sample([batch, channels, ...side], seed),
  sample([filters[0], channels, ...kernel], seed + 1),
  sample([filters[0]], seed + 2),
  sample([filters[1], filters[0], 3, 3], seed + 3),
  sample([filters[1]], seed + 4),
  sample([filters[1], 2], seed + 5),
  sample([2, filters[0] * 9], seed + 6),
];

function bent(b: GraphBuilder, x: Value, how: Network['between']): Value {
  const channels = Number(x.shape[1]);
  const stored = (seed: number, range?: typeof positive) =>
    b.constant(tensorOf('float32', [channels], sample([channels], seed, range).data));
  switch (how) {
    case 'none':
      return x;
    case 'relu':
      return b.op('Relu', [x]);
    case 'relu twice':
      return b.op('Relu', [b.op('Relu', [x])]);
    case 'tanh':
      return b.op('Tanh', [b.op('Mul', [x, b.scalar(0.1)])]);
    case 'leaky':
      return b.op('LeakyRelu', [x], { alpha: float(0.1) });
    case 'clip':
      return b.op('Clip', [x, b.scalar(0), b.scalar(6)]);
    case 'identity':
      return b.op('Identity', [x]);
    case 'normalized':
      return b.op('BatchNormalization', [x, stored(1), stored(2), stored(3), stored(4, positive)]);
  }
}

function pooled(b: GraphBuilder, x: Value, how: Network['pool']): Value {
  const halves = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
  switch (how) {
    case 'none':
      return x;
    case 'halves':
      return b.op('MaxPool', [x], halves);
    case 'ceil':
      return b.op('MaxPool', [x], { ...halves, ceil_mode: int(1) });
    case 'overlapping':
      return b.op('MaxPool', [x], { kernel_shape: ints([3, 3]), strides: ints([2, 2]) });
    case 'padded':
      return b.op('MaxPool', [x], { ...halves, pads: ints([1, 0, 0, 1]) });
    case 'average':
      return b.op('AveragePool', [x], halves);
    case 'global':
      return b.op('GlobalAveragePool', [x]);
  }
}

function build(b: GraphBuilder, network: Network, values: readonly Value[]): Value {
  const [x, w1, b1, w2, b2, up, down] = values;
  const { biases, stride, dilation, first, second, readers, filters } = network;
  const one = b.op('Conv', [x, w1, biases[0] ? b1 : undefined], {
    strides: ints(stride),
    dilations: ints(dilation),
    ...padded(first),
  });
  const hidden = bent(b, one, network.between);
  const change = b.op('Reshape', [b.op('MatMul', [up, down]), b.ints([filters[1], filters[0], 3, 3])]);
  const weight = network.adapters ? b.op('Add', [w2, change]) : w2;
  const two = b.op('Conv', [hidden, weight, biases[1] ? b2 : undefined], padded(second));
  const active = bent(b, two, network.after);
  let y = pooled(b, active, network.pool);
  if (network.third && filters[0] === filters[1]) {
    y = b.op('Conv', [y, weight], { pads: ints([1, 1, 1, 1]) });
  }
  const others = [
    { none: undefined, raw: one, bent: hidden }[readers[0]],
    { none: undefined, raw: two, bent: active }[readers[1]],
  ];
  const sums = others.map((value) =>
    value === undefined ? undefined : b.op('ReduceMean', [value], { keepdims: int(0) }),
  );
  // Every parameter is one, also where this network does without.
  const unused = b.op('Mul', [
    b.op('Add', [
      b.op('Add', [b.op('ReduceSum', [b1]), b.op('ReduceSum', [b2])]),
      b.op('ReduceSum', [change]),
    ]),
    b.scalar(0.01),
  ]);
  for (const value of [...sums, unused]) {
    if (value !== undefined) y = b.op('Add', [y, b.op('Reshape', [value, b.ints([1])])]);
  }
  return y;
}

/** Whether a kernel fits the image at all, and the responses the next one's. */
function fits({ side, kernel, stride, dilation, first, second }: Network): boolean {
  // ONNX Runtime has no such convolution.
  if (typeof first === 'string' && first !== 'VALID' && Math.max(...dilation) > 1) return false;
  return [0, 1].every((axis) => {
    const reach = (kernel[axis] - 1) * dilation[axis] + 1;
    const pads = (how: Padding): number => (typeof how === 'string' ? 0 : how.begin[axis] + how.end[axis]);
    const responses =
      typeof first === 'string' && first !== 'VALID'
        ? Math.ceil(side[axis] / stride[axis])
        : Math.floor((side[axis] + pads(first) - reach) / stride[axis]) + 1;
    return responses >= 1 && responses + pads(second) - 3 >= 3;
  });
}

test('random networks of two or three convolutions learn the same in their forms', {
  timeout: 120_000,
}, async () => {
  let inTiles = 0;
  await fc.assert(
    fc.asyncProperty(networks.filter(fits), async (network) => {
      const { result, gradients, operators } = await compareTraining(tensors(network), (b, values) =>
        build(b, network, values),
      );
      if (operators.includes('Gather')) inTiles++;
      expect(result).toBeLessThan(2e-5);
      const tolerance = isSmooth(network) ? 5e-5 : 5e-2;
      for (const error of gradients) expect(error).toBeLessThan(tolerance);
    }),
    { numRuns: 60 },
  );
  // Or else this says little of the tiles.
  expect(inTiles).toBeGreaterThan(10);
});
