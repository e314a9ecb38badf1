import { expect, test } from 'vitest';
import { type Graph, GraphBuilder, int, type Model } from '../onnx/index.js';
import { runOnnxRuntime } from '../testing/run-onnxruntime.js';
import { sample } from '../testing/samples.js';
import { columnSumsAsProducts } from './column-sums.js';

/** A model of one sum, and its graph as the pass leaves it. */
function summed(shape: readonly number[], axes: readonly number[], keepDimensions = false) {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', shape);
  b.output(b.op('ReduceSum', [x, b.ints(axes)], { keepdims: int(keepDimensions ? 1 : 0) }));
  const model = b.build();
  const { graph } = columnSumsAsProducts({ graph: b.graph(), value: (name) => b.value(name) });
  return { model, graph };
}

const operators = (graph: Graph) => graph.nodes.map(({ opType }) => opType);

test.each([
  [[64, 64], [0]],
  [
    [8, 16, 40],
    [0, 1],
  ],
  [
    [8, 16, 40],
    [-2, 0],
  ],
])('a sum of %j over %j is the product of ones with its rows', async (shape, axes) => {
  const { model, graph } = summed(shape, axes);
  expect(operators(graph)).toEqual(shape.length === 2 ? ['MatMul'] : ['Reshape', 'MatMul']);
  const axesLeft = [...graph.initializers.keys()].filter((name) => model.graph.initializers.has(name));
  expect(axesLeft.filter((name) => !graph.nodes.some(({ inputs }) => inputs.includes(name)))).toEqual([]);
  const run = async (of: Model) =>
    (await runOnnxRuntime(of, new Map([['x', sample(shape, 1)]]))).get(of.graph.outputs[0].name) ??
    expect.fail('no sum');
  const [plain, product] = [await run(model), await run({ ...model, graph })];
  expect(product.shape).toEqual(plain.shape);
  expect(product.data).toHaveLength(shape.at(-1) ?? 0);
  Array.from(product.data).forEach((value, at) => {
    expect(value).toBeCloseTo(plain.data[at], 3);
  });
});

test.each([
  ['of few elements', summed([32, 64], [0])],
  ['over other axes', summed([64, 64], [1])],
  ['over some of the axes', summed([16, 16, 64], [0])],
  ['whose axes stay', summed([64, 64], [0], true)],
])('a sum %s stays as it is', (_, { model, graph }) => {
  expect(graph.nodes).toEqual(model.graph.nodes);
});
