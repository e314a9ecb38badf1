import { expect, test } from 'vitest';
import { runOnnxRuntime } from '../testing/run-onnxruntime.js';
import { sample } from '../testing/samples.js';
import {
  foldConstants,
  GraphBuilder,
  inferShapes,
  int,
  type Model,
  readModel,
  tensorOf,
  writeModel,
} from './index.js';

/** A view as PyTorch exports it: the batch is asked for, then joined with what is known. */
function exportedView(): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 2, 3]);
  const batch = b.op('Gather', [b.op('Shape', [x]), b.scalar(0, 'int64')], { axis: int(0) });
  const rest = b.op('Mul', [b.ints([2]), b.ints([3])]);
  const shape = b.op('Concat', [b.op('Unsqueeze', [batch, b.ints([0])]), rest], { axis: int(0) });
  const half = b.op('Div', [b.scalar(1), b.scalar(2)]);
  b.op('Exp', [x], {}, { name: 'unused' });
  b.output(b.op('Mul', [b.op('Reshape', [x, shape]), half]), 'y');
  return b.build();
}

const opTypes = (model: Model): readonly string[] => model.graph.nodes.map(({ opType }) => opType);

test('shape arithmetic, constant arithmetic and unused nodes go', async () => {
  const folded = foldConstants(exportedView());
  expect(opTypes(folded)).toEqual(['Reshape', 'Mul', 'Identity']);
  const feeds = new Map([['x', sample([4, 2, 3], 1)]]);
  const [before, after] = await Promise.all([
    runOnnxRuntime(exportedView(), feeds),
    runOnnxRuntime(readModel(writeModel(folded)), feeds),
  ]);
  expect(after).toEqual(before);
});

test('a size can be given for a name', () => {
  const folded = foldConstants(exportedView(), { dimensions: { batch: 7 } });
  expect(folded.graph.inputs[0].shape).toEqual([7, 2, 3]);
  expect(folded.graph.outputs[0].shape).toEqual([7, 6]);
});

test('nothing computed from what may change is folded', () => {
  const b = new GraphBuilder();
  const w = b.initializer('w', tensorOf('float32', [2], [1, 2]));
  const x = b.input('x', 'float32', [2]);
  b.output(b.op('Mul', [x, b.op('Neg', [w])]), 'y');
  expect(opTypes(foldConstants(b.build()))).not.toContain('Neg');
  expect(opTypes(foldConstants(b.build(), { keep: (name) => name === 'w' }))).toContain('Neg');
});

test('parameters that an exporter stored once because they were equal are untied', () => {
  const b = new GraphBuilder();
  const w = b.initializer('w', tensorOf('float32', [2], [1, 1]));
  const [v] = b.append({
    name: 'tie',
    opType: 'Identity',
    domain: '',
    inputs: ['w'],
    outputs: ['v'],
    attributes: {},
  });
  b.output(b.op('Mul', [b.op('Add', [b.input('x', 'float32', [2]), w]), v]), 'y');
  const { initializers } = foldConstants(b.build(), { keep: () => true }).graph;
  expect([...initializers.keys()].sort()).toEqual(['v', 'w']);
});

test('a large tensor is not made from a small description', () => {
  const b = new GraphBuilder();
  const zeros = b.op('ConstantOfShape', [b.ints([1000, 1000])]);
  b.output(b.op('Add', [b.input('x', 'float32', [1000, 1000]), zeros]), 'y');
  expect(opTypes(foldConstants(b.build()))).toContain('ConstantOfShape');
});

test('older operator sets become the one that is built in', async () => {
  const b = new GraphBuilder({ opset: 17 });
  const x = b.input('x', 'float32', ['batch', 4]);
  b.output(b.op('ReduceMax', [x], { axes: { kind: 'ints', value: [1] }, keepdims: int(0) }), 'y');
  const upgraded = inferShapes(b.build());
  expect(upgraded.opsets['']).toBe(20);
  const feeds = new Map([['x', sample([3, 4], 1)]]);
  expect(await runOnnxRuntime(upgraded, feeds)).toEqual(await runOnnxRuntime(b.build(), feeds));
});

test.each([12, 22])('operator set %i is refused', (opset) => {
  const model = { ...exportedView(), opsets: { '': opset } };
  expect(() => foldConstants(model)).toThrow(expect.objectContaining({ code: 'onnx/unsupported' }));
});
