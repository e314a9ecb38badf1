/** Graphs that are readable and wrong: each ends in an error that names the node, before anything runs or is made. */
import { expect, test } from 'vitest';
import {
  type Attribute,
  type Graph,
  GraphBuilder,
  graphAttribute,
  int,
  ints,
  type Node,
  string,
  type Tensor,
  tensorOf,
} from '../../onnx/index.js';
import { compilePlan } from '../../plan/index.js';
import { importModel } from './index.js';

const longs = (...values: readonly number[]): Tensor => tensorOf('int64', [values.length], values);
const floats = (...values: readonly number[]): Tensor => tensorOf('float32', [values.length], values);
const imported = (graph: Graph) => importModel({ graph, opsets: { '': 20 }, metadata: {} });

/** A dense layer of `[batch, 4]`, or a picture `[batch, 4, 8, 8]` and a kernel, behind it one node that reads it and constants. */
function withTroubled(
  opType: string,
  constants: readonly (Tensor | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = {},
  picture = false,
): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', picture ? ['batch', 4, 8, 8] : ['batch', 4]);
  const shape = picture ? [4, 4, 3, 3] : [4, 4];
  const w = b.initializer('w', tensorOf('float32', shape, new Array(picture ? 144 : 16).fill(0.5)));
  const y = b.op(picture ? 'Conv' : 'MatMul', [x, w]);
  const graph = b.graph();
  const names = constants.map((constant, index) => (constant === undefined ? '' : `constant${index}`));
  const inputs = [y.name, ...names];
  const troubled: Node = { name: 'troubled', opType, domain: '', inputs, outputs: ['y'], attributes };
  const stored = constants.flatMap((constant, index): [string, Tensor][] =>
    constant === undefined ? [] : [[names[index], constant]],
  );
  return {
    ...graph,
    initializers: new Map([...graph.initializers, ...stored]),
    nodes: [...graph.nodes, troubled],
    outputs: [{ name: 'y', dataType: 'float32', shape: [] }],
  };
}

const most = 2 ** 40;
const kernel = tensorOf('float32', [4, 4, 3, 3], new Array(144).fill(0.5));
const square = tensorOf('float32', [4, 4], new Array(16).fill(1));
const [wrong, large, unable] = ['onnx/shape', 'onnx/unsupported', 'onnx/inconsistent'];

test.each<[string, readonly (Tensor | undefined)[], Record<string, Attribute>, string]>([
  ['Pad', [longs(0, most, 0, most)], {}, large],
  ['Tile', [longs(1, most)], {}, large],
  ['Expand', [longs(most, 1, 4)], {}, large],
  ['Resize', [undefined, floats(1, 1e30)], {}, large],
  ['Resize', [undefined, floats(1, Number.NaN)], {}, wrong],
  ['OneHot', [tensorOf('int64', [], [most]), floats(0, 1)], {}, large],
  ['Reshape', [longs(...new Array(70).fill(1))], {}, wrong],
  ['Reshape', [longs(-2, 4)], {}, wrong],
  ['Slice', [longs(0), longs(4), longs(1), longs(0)], {}, wrong],
  ['Slice', [longs(0), longs(4, 4)], {}, wrong],
  ['Split', [longs(3, 3)], { axis: int(1) }, wrong],
  ['Gather', [longs(9)], { axis: int(1) }, wrong],
  ['GatherND', [tensorOf('int64', [1, 5], [0, 0, 0, 0, 0])], {}, wrong],
  ['Transpose', [], { perm: ints([0, 0]) }, wrong],
  ['Flatten', [], { axis: int(77) }, wrong],
  ['Concat', [longs(1)], { axis: int(0) }, wrong],
  ['Concat', [tensorOf('float32', [1, 5], [1, 2, 3, 4, 5])], { axis: int(0) }, wrong],
  ['Add', [], {}, wrong],
  ['Greater', [], {}, wrong],
  ['MatMul', [tensorOf('int64', [4, 4], new Array(16).fill(1))], {}, wrong],
  ['Where', [square, square], {}, wrong],
  ['TopK', [longs(99)], {}, wrong],
  ['CumSum', [tensorOf('int64', [], [9])], {}, wrong],
  ['Softmax', [], { axis: int(9) }, wrong],
  ['Hardmax', [], { axis: string('last') }, unable],
  ['LRN', [], { size: int(3) }, wrong],
  ['Pad', [longs(1)], {}, wrong],
  ['Einsum', [], { equation: string('a'.repeat(100_000)) }, wrong],
  ['If', [], { then_branch: graphAttribute(withTroubled('Relu', [])) }, large],
])('%s that is wrong, row %#, is refused', (opType, constants, attributes, code) => {
  expect(() => imported(withTroubled(opType, constants, attributes))).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(/node troubled .*; .*/s) }),
  );
});

test.each<[string, Record<string, Attribute>, string]>([
  ['Conv', { strides: ints([0, 0]) }, wrong],
  ['Conv', { strides: ints([1]) }, wrong],
  ['Conv', { dilations: ints([-1, -1]) }, wrong],
  ['Conv', { pads: ints([most, most, most, most]) }, large],
  ['Conv', { group: int(0) }, wrong],
  ['ConvTranspose', { pads: ints([99, 99, 99, 99]) }, wrong],
  ['MaxPool', { kernel_shape: ints([0, 0]) }, wrong],
  ['AveragePool', { kernel_shape: ints([2, 2]), strides: ints([-1, 1]) }, wrong],
])('%s of a picture with %j is refused', (opType, attributes, code) => {
  const constants = opType.startsWith('Conv') ? [kernel] : [];
  expect(() => imported(withTroubled(opType, constants, attributes, true))).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining('node troubled') }),
  );
});

test('an axis of a thousand billion is refused before a slice of it is listed', () => {
  const graph = withTroubled('Relu', []);
  const inputs = [{ name: 'x', dataType: 'float32', shape: ['batch', most] } as const];
  expect(() => imported({ ...graph, inputs })).toThrow(expect.objectContaining({ code: large }));
});

test('what a gradient would write down for a picture of a million pixels a side is refused', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 1, 1, 3]);
  const w = b.initializer('w', tensorOf('float32', [1, 1, 1, 1], [2]));
  const sizes = { mode: string('linear') };
  const wide = b.op(
    'Resize',
    [b.op('Conv', [x, w]), undefined, undefined, b.ints([1, 1, 1, 10_000_000])],
    sizes,
  );
  b.output(b.op('GlobalAveragePool', [wide]), 'y');
  const model = imported(b.graph());
  const options = { loss: { kind: 'mean-squared-error' }, optimizer: { kind: 'sgd' }, batchSize: 1 } as const;
  expect(() => compilePlan(model, options)).toThrow(
    expect.objectContaining({
      code: 'autodiff/unsupported',
      message: expect.stringMatching(/Resize.*table of 30000000 numbers/),
    }),
  );
});

test.each(['w', 'x'])('a node that gives the name %s again is refused', (name) => {
  const graph = withTroubled('Relu', []);
  const nodes = graph.nodes.map((node) => (node.name === 'troubled' ? { ...node, outputs: [name] } : node));
  expect(() => imported({ ...graph, nodes })).toThrow(
    expect.objectContaining({
      code: unable,
      message: expect.stringContaining(`troubled (Relu) gives "${name}"`),
    }),
  );
});

test('two inputs of one name, and an output that nothing gives, are refused', () => {
  const graph = withTroubled('Relu', []);
  expect(() => imported({ ...graph, inputs: [...graph.inputs, ...graph.inputs] })).toThrow(
    'two inputs are named "x"',
  );
  const outputs = [{ name: 'nowhere', dataType: 'float32', shape: [] } as const];
  expect(() => imported({ ...graph, outputs })).toThrow('no node gives the model\'s output "nowhere"');
});

test('one tensor that fifty thousand nodes read takes a time that grows with them, not with their square', () => {
  const graph = withTroubled('Relu', [floats(1, 2, 3, 4)]);
  const count = 50_000;
  const chain = Array.from({ length: count }, (_, i): Node => {
    const inputs = [i === 0 ? graph.nodes[0].outputs[0] : `link${i - 1}`, 'constant0'];
    return {
      name: `n${i}`,
      opType: 'Mul',
      domain: '',
      inputs,
      outputs: [i === count - 1 ? 'y' : `link${i}`],
      attributes: {},
    };
  });
  expect(imported({ ...graph, nodes: [graph.nodes[0], ...chain] }).outputShape).toEqual([4]);
});
