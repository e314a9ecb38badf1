/** Forms of operators that PyTorch has none of, beside those of operators.test.ts: against central differences and ONNX Runtime. */
import { test } from 'vitest';
import {
  type Attribute,
  float,
  type GraphBuilder,
  int,
  ints,
  string,
  strings,
  tensorOf,
  type Value,
} from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { positive, type SampleRange, sample } from '../../testing/samples.js';

interface Row {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly range?: SampleRange;
  /** Outputs that the node must name, of which the first is checked; 1 unless told. */
  readonly outputs?: number;
  /** What the node takes, where that is more than the checked inputs. */
  readonly arrange?: (b: GraphBuilder, values: readonly Value[]) => readonly (Value | undefined)[];
}

const floats = (b: GraphBuilder, values: readonly number[]) =>
  b.constant(tensorOf('float32', [values.length], values));
const whole = (b: GraphBuilder, shape: readonly number[], values: readonly number[]) =>
  b.constant(tensorOf('int64', shape, values));

const rows: readonly Row[] = [
  {
    name: 'PRelu',
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
  },
  {
    name: 'ConvTranspose',
    shapes: [
      [2, 4, 5],
      [4, 3, 3],
    ],
    attributes: { strides: ints([2]), pads: ints([1, 0]), output_padding: ints([1]) },
  },
  {
    name: 'ConvTranspose',
    shapes: [[2, 4, 3, 4], [4, 2, 3, 2], [4]],
    attributes: { strides: ints([2, 1]), dilations: ints([1, 2]), group: int(2), pads: ints([1, 0, 0, 1]) },
  },
  {
    name: 'ConvTranspose',
    shapes: [[1, 2, 2, 2, 3], [2, 2, 2, 2, 2], [2]],
    attributes: { strides: ints([2, 1, 2]) },
  },
  {
    name: 'Conv',
    shapes: [[1, 2, 3, 4, 3], [2, 1, 2, 3, 2], [2]],
    attributes: { strides: ints([1, 2, 1]), pads: ints([0, 1, 0, 1, 1, 0]), group: int(2) },
  },
  {
    name: 'Conv',
    shapes: [[2, 8, 5, 4], [8, 1, 3, 3], [8]],
    attributes: { pads: ints([1, 1, 1, 1]), group: int(8), strides: ints([2, 1]) },
  },
  {
    name: 'LpPool',
    shapes: [[2, 2, 6]],
    attributes: { kernel_shape: ints([3]), pads: ints([1, 1]), p: int(3) },
  },
  {
    name: 'LpPool',
    shapes: [[1, 2, 4, 6]],
    attributes: { kernel_shape: ints([2, 2]), strides: ints([2, 2]) },
  },
  {
    name: 'BatchNormalization',
    outputs: 3,
    shapes: [[4, 3, 2, 2], [3], [3]],
    attributes: { training_mode: int(1), epsilon: float(0.1) },
    arrange: (b, values) => [...values, floats(b, [0, 0, 0]), floats(b, [1, 1, 1])],
  },
  { name: 'ReduceProd', shapes: [[3, 4]], arrange: (b, [x]) => [x, b.ints([1])] },
  {
    name: 'ReduceProd',
    shapes: [[2, 3, 2]],
    attributes: { keepdims: int(0) },
    arrange: (b, [x]) => [x, b.ints([-1, 0])],
  },
  { name: 'ReduceLogSum', shapes: [[3, 4]], range: positive, arrange: (b, [x]) => [x, b.ints([0])] },
  ...['edge', 'reflect', 'wrap'].map((mode) => ({
    name: 'Pad',
    shapes: [[2, 3, 4]],
    attributes: { mode: string(mode) },
    arrange: (b: GraphBuilder, [x]: readonly Value[]) => [x, b.ints([0, 1, 2, 0, 2, 1])],
  })),
  ...[
    { mode: 'nearest', transform: 'asymmetric', round: 'floor', scales: [1, 1, 2, 3] },
    { mode: 'nearest', transform: 'half_pixel', round: 'round_prefer_floor', scales: [1, 1, 1.5, 0.5] },
    { mode: 'linear', transform: 'half_pixel', round: 'floor', scales: [1, 1, 2, 2] },
    { mode: 'linear', transform: 'align_corners', round: 'floor', scales: [1, 1, 2, 1.5] },
    { mode: 'linear', transform: 'pytorch_half_pixel', round: 'floor', scales: [1, 1, 0.5, 1] },
    { mode: 'cubic', transform: 'half_pixel', round: 'floor', scales: [1, 1, 2, 2] },
  ].map(({ mode, transform, round, scales }) => ({
    name: 'Resize',
    shapes: [[1, 2, 4, 4]],
    attributes: {
      mode: string(mode),
      coordinate_transformation_mode: string(transform),
      nearest_mode: string(round),
    },
    arrange: (b: GraphBuilder, [x]: readonly Value[]) => [x, undefined, floats(b, scales)],
  })),
  {
    name: 'Resize',
    shapes: [[1, 2, 3, 4]],
    attributes: { mode: string('linear') },
    arrange: (b, [x]) => [x, undefined, undefined, b.ints([1, 2, 5, 7])],
  },
  {
    name: 'ScatterND',
    shapes: [
      [4, 2],
      [2, 2],
    ],
    arrange: (b, [x, updates]) => [x, whole(b, [2, 1], [3, 1]), updates],
  },
  {
    name: 'ScatterND',
    shapes: [[4, 2], [3]],
    attributes: { reduction: string('add') },
    arrange: (b, [x, updates]) => [x, whole(b, [3, 2], [3, 1, 0, 0, 3, 1]), updates],
  },
  {
    name: 'ScatterElements',
    shapes: [
      [3, 3],
      [2, 2],
    ],
    attributes: { axis: int(1) },
    arrange: (b, [x, updates]) => [x, whole(b, [2, 2], [2, 0, 1, 2]), updates],
  },
  ...['ij,jk->ik', 'bhqd,bhkd->bhqk', 'bqhd,bkhd->bhqk', 'ij,kj->k', 'i,j->ij', 'bij,bij->b'].map(
    (equation) => ({
      name: 'Einsum',
      shapes: equation
        .split('->')[0]
        .split(',')
        .map((term) => [...term].map((letter) => 1 + (letter.charCodeAt(0) % 3))),
      attributes: { equation: string(equation) },
    }),
  ),
  { name: 'Einsum', shapes: [[2, 3, 4]], attributes: { equation: string('abc->ca') } },
  {
    name: 'Einsum',
    shapes: [
      [2, 3],
      [3, 2],
      [2, 4],
    ],
    attributes: { equation: string('ij,jk,kl->il') },
  },
  { name: 'CumSum', shapes: [[2, 4]], arrange: (b, [x]) => [x, b.scalar(1, 'int64')] },
  {
    name: 'CumSum',
    shapes: [[3, 2]],
    attributes: { reverse: int(1), exclusive: int(1) },
    arrange: (b, [x]) => [x, b.scalar(0, 'int64')],
  },
  {
    name: 'Trilu',
    shapes: [[2, 3, 4]],
    attributes: { upper: int(0) },
    arrange: (b, [x]) => [x, b.scalar(1, 'int64')],
  },
  { name: 'TopK', shapes: [[3, 5]], arrange: (b, [x]) => [x, b.ints([2])] },
  ...[
    { name: 'LSTM', gates: 4, attributes: {} },
    { name: 'GRU', gates: 3, attributes: {} },
    { name: 'GRU', gates: 3, attributes: { linear_before_reset: int(1) } },
    { name: 'RNN', gates: 1, attributes: {} },
  ].flatMap(({ name, gates, attributes }) =>
    ['forward', 'reverse', 'bidirectional'].map((direction) => {
      const d = direction === 'bidirectional' ? 2 : 1;
      return {
        name,
        shapes: [
          [3, 2, 3],
          [d, gates * 2, 3],
          [d, gates * 2, 2],
          [d, 2 * gates * 2],
          [d, 2, 2],
          ...(name === 'LSTM' ? [[d, 2, 2]] : []),
        ],
        attributes: { ...attributes, direction: string(direction), hidden_size: int(2) },
        arrange: (_b: GraphBuilder, [x, w, r, bias, ...states]: readonly Value[]) => [
          x,
          w,
          r,
          bias,
          undefined,
          ...states,
        ],
      };
    }),
  ),
  {
    name: 'RNN',
    shapes: [
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 2],
    ],
    attributes: { activations: strings(['Relu']), hidden_size: int(2) },
  },
];

test.each(rows)('$name $attributes', async ({ name, shapes, attributes, range, arrange, outputs = 1 }) => {
  // Numbers that all differ, so that a maximum of several inputs has no ties.
  const count = shapes.reduce((sum, shape) => sum + shape.reduce((n, size) => n * size, 1), 0);
  const { data } = sample([count], 5, range);
  let taken = 0;
  const inputs = shapes.map((shape) => {
    const size = shape.reduce((n, s) => n * s, 1);
    taken += size;
    return { dataType: 'float32' as const, shape, data: data.slice(taken - size, taken) };
  });
  await checkGradient({
    inputs,
    build: (b, values) => b.ops(name, arrange?.(b, values) ?? values, outputs, attributes)[0],
    seed: 7,
  });
});

test.each([1, 2])('output %d of an LSTM: its last states', async (index) => {
  await checkGradient({
    inputs: [sample([3, 2, 3], 1), sample([1, 8, 3], 2), sample([1, 8, 2], 3)],
    build: (b, values) => b.ops('LSTM', values, 3, { hidden_size: int(2) })[index],
    seed: 4,
  });
});
