/** What inference says against what ONNX Runtime makes, for operators that the gradient tests do not already cover. */
import { expect, test } from 'vitest';
import { runOnnxRuntime } from '../../testing/run-onnxruntime.js';
import { sample } from '../../testing/samples.js';
import {
  type Attribute,
  GraphBuilder,
  graphAttribute,
  int,
  ints,
  tensorAttribute,
  tensorOf,
  type Value,
} from '../index.js';

interface ShapeCase {
  readonly name: string;
  readonly shape: readonly number[];
  readonly build: (b: GraphBuilder, x: Value) => readonly Value[];
}

const one =
  (opType: string, attributes: Record<string, Attribute> = {}) =>
  (b: GraphBuilder, x: Value): readonly Value[] => [b.op(opType, [x], attributes)];

const cases: readonly ShapeCase[] = [
  { name: 'ArgMax', shape: [2, 3, 4], build: one('ArgMax', { axis: int(1) }) },
  {
    name: 'ArgMin without its axis',
    shape: [2, 3],
    build: one('ArgMin', { axis: int(-1), keepdims: int(0) }),
  },
  { name: 'TopK', shape: [2, 5], build: (b, x) => b.ops('TopK', [x, b.ints([3])], 2) },
  {
    name: 'OneHot on a middle axis',
    shape: [2, 3],
    build: (b, x) => {
      const indices = b.op('Cast', [x], { to: int(7) });
      const values = b.constant(tensorOf('float32', [2], [0, 1]));
      return [b.op('OneHot', [indices, b.scalar(4, 'int64'), values], { axis: int(1) })];
    },
  },
  { name: 'Shape of a part', shape: [2, 3, 4], build: one('Shape', { start: int(1), end: int(-1) }) },
  { name: 'Shape from the end', shape: [2, 3, 4], build: one('Shape', { start: int(-2) }) },
  { name: 'Size', shape: [2, 3], build: one('Size') },
  { name: 'Range', shape: [1], build: (b) => [b.op('Range', [b.scalar(2), b.scalar(7), b.scalar(1.5)])] },
  {
    name: 'ConstantOfShape from a shape',
    shape: [2, 3],
    build: (b, x) => {
      const value = tensorAttribute(tensorOf('int64', [1], [5]));
      return [b.op('ConstantOfShape', [b.op('Shape', [x])], { value })];
    },
  },
  {
    name: 'Split into unequal rest',
    shape: [5, 2],
    build: (b, x) => b.ops('Split', [x], 2, { num_outputs: int(2) }),
  },
  { name: 'Squeeze of all', shape: [1, 3, 1], build: one('Squeeze') },
  { name: 'CumSum', shape: [2, 3], build: (b, x) => [b.op('CumSum', [x, b.scalar(1, 'int64')])] },
  { name: 'Trilu', shape: [3, 3], build: one('Trilu') },
  {
    name: 'ConvTranspose with output padding',
    shape: [1, 4, 3, 3],
    build: (b, x) => {
      const w = b.constant(sampleTensor([4, 1, 3, 3]));
      return [
        b.op('ConvTranspose', [x, w], { strides: ints([2, 2]), output_padding: ints([1, 0]), group: int(2) }),
      ];
    },
  },
  {
    name: 'MaxUnpool without a shape',
    shape: [1, 1, 4, 6],
    build: (b, x) => {
      const window = { kernel_shape: ints([2, 2]), strides: ints([2, 2]) };
      return [b.op('MaxUnpool', b.ops('MaxPool', [x], 2, window), window)];
    },
  },
  {
    name: 'MaxPool rounding up',
    shape: [1, 1, 5, 6],
    build: one('MaxPool', { kernel_shape: ints([2, 3]), strides: ints([2, 2]), ceil_mode: int(1) }),
  },
  { name: 'IsNaN', shape: [2], build: (b, x) => [b.op('Cast', [b.op('IsNaN', [x])], { to: int(6) })] },
  {
    name: 'Reshape that keeps zeros',
    shape: [2, 0, 3],
    build: (b, x) => [b.op('Reshape', [x, b.ints([3, 0, 5])], { allowzero: int(1) })],
  },
  {
    name: 'Reshape with copied sizes',
    shape: [2, 3, 4],
    build: (b, x) => [b.op('Reshape', [x, b.ints([0, -1])])],
  },
  {
    name: 'Scan with a state and outputs',
    shape: [4, 3],
    build: (b, xs) => {
      const body = b.subgraph('body');
      const [state, x] = [body.input('state', 'float32', [3]), body.input('x', 'float32', [3])];
      const sum = body.op('Add', [state, x]);
      body.output(sum);
      body.output(body.op('ReduceSum', [sum], { keepdims: int(0) }));
      const start = b.constant(tensorOf('float32', [3], [0, 0, 0]));
      return b.ops('Scan', [start, xs], 2, { body: graphAttribute(body.graph()), num_scan_inputs: int(1) });
    },
  },
];

function sampleTensor(shape: readonly number[]) {
  return tensorOf('float32', shape, sample(shape, 1).data);
}

test.each(cases)('$name', async ({ shape, build }) => {
  const b = new GraphBuilder();
  const values = build(b, b.input('given', 'float32', shape)).map((value, i) => b.output(value, `y${i}`));
  const results = await runOnnxRuntime(b.build(), new Map([['given', sample(shape, 3)]]));
  for (const { name, dataType, shape: inferred } of values) {
    expect(results.get(name)?.dataType).toBe(dataType);
    expect(results.get(name)?.shape).toEqual(inferred);
  }
});

test('as many parts as a large model has parameters are split by their sizes', () => {
  const b = new GraphBuilder();
  const sizes = Array.from({ length: 100 }, (_, i) => i + 1);
  const x = b.input('x', 'float32', [5050]);
  const parts = b.ops('Split', [x, b.ints(sizes)], sizes.length, { axis: int(0) });
  expect(parts.map(({ shape }) => shape[0])).toEqual(sizes);
});
