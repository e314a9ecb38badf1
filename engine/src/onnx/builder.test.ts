import { expect, test } from 'vitest';
import { GraphBuilder, graphAttribute, int, ints, tensorOf } from './index.js';

test('shapes are known as the graph is built, names of sizes among them', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 3, 28, 28]);
  const w = b.initializer('w', tensorOf('float32', [8, 3, 5, 5], new Array(600).fill(0)));
  const conv = b.op('Conv', [x, w], { strides: ints([2, 2]) });
  expect(conv.shape).toEqual(['batch', 8, 12, 12]);
  expect(b.op('Flatten', [conv]).shape).toEqual(['batch', 1152]);
  expect(b.op('Reshape', [conv, b.ints([0, -1])]).shape).toEqual(['batch', 1152]);
  expect(b.op('Reshape', [conv, b.ints([-1, 1152])]).shape).toEqual(['batch', 1152]);
});

test('sizes computed from other shapes stay known, as exporters write them', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 4, 5]);
  const batch = b.op('Gather', [b.op('Shape', [x]), b.scalar(0, 'int64')]);
  const asked = b.op('Concat', [b.op('Unsqueeze', [batch, b.ints([0])]), b.ints([-1])], { axis: int(0) });
  expect(b.contentsOf(asked)).toEqual(['batch', -1]);
  expect(b.op('Reshape', [x, asked]).shape).toEqual(['batch', 20]);
});

test('equal small constants are one', () => {
  const b = new GraphBuilder();
  expect(b.ints([1, 2])).toBe(b.ints([1, 2]));
  expect(b.scalar(0.5)).toBe(b.scalar(0.5));
  expect(b.scalar(0)).not.toBe(b.scalar(-0));
  expect(b.scalar(1)).not.toBe(b.scalar(1, 'int64'));
});

test('a subgraph sees the values around it, and its names are its own', () => {
  const outer = new GraphBuilder();
  const factor = outer.input('factor', 'float32', []);
  const xs = outer.input('xs', 'float32', [5, 2]);
  const body = outer.subgraph('body');
  const y = body.op('Mul', [body.input('x', 'float32', [2]), factor]);
  body.output(y);
  const ys = outer.op('Scan', [xs], { body: graphAttribute(body.graph()), num_scan_inputs: int(1) });
  expect(ys.shape).toEqual([5, 2]);
  expect(outer.op('Mul', [xs, factor]).name).not.toBe(y.name);
});

test.each([
  [
    'inner dimensions that differ',
    'MatMul',
    [
      [2, 3],
      [4, 2],
    ],
  ],
  [
    'shapes that do not broadcast',
    'Add',
    [
      [2, 3],
      [2, 4],
    ],
  ],
  [
    'a matrix of rank 3',
    'Gemm',
    [
      [2, 3, 4],
      [4, 2],
    ],
  ],
  [
    'channels that do not fit',
    'Conv',
    [
      [1, 3, 8, 8],
      [4, 2, 3, 3],
    ],
  ],
  [
    'a kernel larger than the image',
    'Conv',
    [
      [1, 1, 2, 2],
      [1, 1, 3, 3],
    ],
  ],
])('%s are reported where the node is added', (_name, opType, shapes) => {
  const b = new GraphBuilder();
  const inputs = shapes.map((shape, i) => b.input(`x${i}`, 'float32', shape));
  expect(() => b.op(opType, inputs)).toThrow(
    expect.objectContaining({ code: 'onnx/shape', message: expect.stringContaining(opType) }),
  );
});

test('what the builder cannot make is an error with its name', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [2]);
  expect(() => b.input('x', 'float32', [2])).toThrow(expect.objectContaining({ code: 'onnx/builder' }));
  expect(() => b.op('NoSuchOperator', [x])).toThrow(expect.objectContaining({ code: 'onnx/unsupported' }));
  expect(() => b.value('nowhere')).toThrow(expect.objectContaining({ code: 'onnx/inconsistent' }));
  expect(() => b.op('Add', [x, b.scalar(1, 'int64')])).toThrow(
    expect.objectContaining({ code: 'onnx/shape' }),
  );
});

test('an input can be an output, and a value two of them', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [2]);
  b.output(x, 'same');
  const y = b.op('Neg', [x]);
  b.output(y, 'first');
  b.output(y, 'second');
  expect(b.graph().outputs.map(({ name }) => name)).toEqual(['same', 'first', 'second']);
});
