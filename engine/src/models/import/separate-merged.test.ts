import { expect, test } from 'vitest';
import { onnx } from '../../../generated/onnx.js';
import { signatureKey } from './parameter-names.js';
import { separateMerged } from './separate-merged.js';

const { FLOAT } = onnx.TensorProto.DataType;

type Written = readonly [opType: string, inputs: readonly string[], taken: readonly string[]];

/** A graph of the exporter: its stored tensors by name, and nodes with what each took of the source. */
function graph(
  stored: Readonly<Record<string, readonly number[]>>,
  nodes: readonly Written[],
  listed: Readonly<Record<string, 'PARAMETER' | 'BUFFER'>>,
): onnx.GraphProto.$Properties {
  const placeholder = (name: string) => `p_${name.replaceAll('.', '_')}`;
  const signature = Object.entries(listed).map(
    ([name, kind]) => `${placeholder(name)}: ${kind} target='${name}'`,
  );
  return {
    metadataProps: [{ key: signatureKey, value: `\n# inputs\n${signature.join('\n')}\nx: USER_INPUT\n` }],
    initializer: Object.entries(stored).map(([name, dims]) => ({ name, dims: [...dims], dataType: FLOAT })),
    node: nodes.map(([opType, inputs, taken], at) => ({
      opType,
      input: [...inputs],
      output: [`y${at}`],
      metadataProps: [
        {
          key: 'pkg.torch.onnx.fx_node',
          value: `%y : [num_users=1] = call_function[target=torch.ops.aten.some.default](args = (%x, ${taken.map((name) => `%${placeholder(name)}`).join(', ')}), kwargs = {})`,
        },
      ],
    })),
  };
}

const inputs = (of: onnx.GraphProto.$Properties) => of.node?.map(({ input }) => input?.slice(1));
const names = (of: onnx.GraphProto.$Properties) => of.initializer?.map(({ name }) => name);

test('normalisations of one width have weights of their own again, and what is shared stays shared', () => {
  const listed = {
    'a.weight': 'PARAMETER',
    'a.bias': 'PARAMETER',
    'b.weight': 'PARAMETER',
    'b.bias': 'PARAMETER',
  } as const;
  const separated = separateMerged(
    graph(
      { 'a.weight': [4], 'a.bias': [4] },
      [
        ['LayerNormalization', ['x', 'a.weight', 'a.bias'], ['a.weight', 'a.bias']],
        ['LayerNormalization', ['y0', 'a.weight', 'a.bias'], ['b.weight', 'b.bias']],
        ['LayerNormalization', ['y1', 'a.weight', 'a.bias'], ['a.weight', 'a.bias']],
      ],
      listed,
    ),
  );
  expect(inputs(separated)).toEqual([
    ['a.weight', 'a.bias'],
    ['b.weight', 'b.bias'],
    ['a.weight', 'a.bias'],
  ]);
  expect(names(separated)).toEqual(['a.weight', 'a.bias', 'b.weight', 'b.bias']);
});

test('statistics that equalled weights are what they are', () => {
  const separated = separateMerged(
    graph(
      { 'n.mean': [4], 'n.var': [4] },
      [
        [
          'BatchNormalization',
          ['x', 'n.var', 'n.mean', 'n.mean', 'n.var'],
          ['n.weight', 'n.bias', 'n.mean', 'n.var'],
        ],
      ],
      { 'n.weight': 'PARAMETER', 'n.bias': 'PARAMETER', 'n.mean': 'BUFFER', 'n.var': 'BUFFER' },
    ),
  );
  expect(inputs(separated)).toEqual([['n.weight', 'n.bias', 'n.mean', 'n.var']]);
});

test('ones in place of a weight that there is not are constants', () => {
  const separated = separateMerged(
    graph(
      { 'a.weight': [4] },
      [
        ['LayerNormalization', ['x', 'a.weight'], []],
        ['LayerNormalization', ['y0', 'a.weight'], ['a.weight']],
      ],
      { 'a.weight': 'PARAMETER' },
    ),
  );
  expect(separated.node?.map(({ opType }) => opType)).toEqual([
    'Constant',
    'LayerNormalization',
    'LayerNormalization',
  ]);
  expect(separated.node?.[1].input?.[1]).toBe(separated.node?.[0].output?.[0]);
  expect(names(separated)).toEqual(['a.weight']);
});

test('transposed weights of several layers come apart, and a bias of zeros comes back', () => {
  const separated = separateMerged(
    graph(
      { val_7: [3, 5], 'a.out.weight': [6, 3] },
      [
        ['MatMul', ['x', 'val_7'], ['a.weight']],
        ['MatMul', ['x', 'val_7'], ['b.weight']],
        ['MatMul', ['x', 'val_7'], []],
        ['MatMul', ['x', 'val_7'], ['a.weight']],
        ['Gemm', ['x', 'a.out.weight'], ['a.out.weight', 'a.out.bias']],
      ],
      {
        'a.weight': 'PARAMETER',
        'b.weight': 'PARAMETER',
        'a.out.weight': 'PARAMETER',
        'a.out.bias': 'PARAMETER',
      },
    ),
  );
  expect(inputs(separated)).toEqual([
    ['val_7'],
    ['_val_/b.weight'],
    ['val_7'],
    ['val_7'],
    ['a.out.weight', 'a.out.bias'],
  ]);
  expect(separated.initializer?.find(({ name }) => name === 'a.out.bias')).toMatchObject({
    dims: [3],
    rawData: new Uint8Array(12),
  });
});

test('inputs in another order than the source has them stay', () => {
  const written = graph(
    { 'a.weight': [3, 3], 'a.bias': [3] },
    [
      ['Gemm', ['x', 'a.weight', 'a.bias'], ['a.bias', 'a.weight']],
      ['Gemm', ['y0', 'a.weight', 'a.bias'], ['a.bias', 'a.weight']],
    ],
    { 'a.weight': 'PARAMETER', 'a.bias': 'PARAMETER' },
  );
  expect(separateMerged(written)).toEqual(written);
});

test('a file without notes stays as it is', () => {
  const written = { node: [{ opType: 'Relu', input: ['x'], output: ['y'] }] };
  expect(separateMerged(written)).toBe(written);
});

test('no zeros are made by what a file only says of its sizes', () => {
  const written = graph({ 'a.weight': [1, 2 ** 40] }, [['Gemm', ['x', 'a.weight'], ['a.weight', 'a.bias']]], {
    'a.weight': 'PARAMETER',
    'a.bias': 'PARAMETER',
  });
  expect(separateMerged(written)).toEqual(written);
});

test('a table that an output layer shares stays one, though the bias of that layer was zeros', () => {
  const separated = separateMerged(
    graph(
      { 'e.weight': [9, 4] },
      [
        ['Gather', ['x', 'e.weight'], ['e.weight']],
        ['Gemm', ['y0', 'e.weight'], ['out.bias']],
      ],
      { 'e.weight': 'PARAMETER', 'out.bias': 'PARAMETER' },
    ),
  );
  expect(inputs(separated)?.map((names) => names?.[0])).toEqual(['e.weight', 'e.weight']);
});

test('a product whose bias is added after it gets none beside', () => {
  const separated = separateMerged(
    graph(
      { 'a.weight': [3, 3], 'b.weight': [3, 3], 'a.bias': [3] },
      [
        ['Gemm', ['x', 'a.weight'], ['a.weight', 'a.bias']],
        ['Add', ['y0', 'a.bias'], ['a.weight', 'a.bias']],
        ['Gemm', ['y1', 'b.weight'], ['b.weight', 'b.bias']],
        ['Add', ['y2', 'a.bias'], ['b.weight', 'b.bias']],
      ],
      { 'a.weight': 'PARAMETER', 'a.bias': 'PARAMETER', 'b.weight': 'PARAMETER', 'b.bias': 'PARAMETER' },
    ),
  );
  expect(inputs(separated)).toEqual([['a.weight'], ['a.bias'], ['b.weight'], ['b.bias']]);
});

test('a convolution gets a bias of zeros back, but not one into which a normalisation was folded', () => {
  const separated = separateMerged(
    graph(
      { 'a.weight': [6, 3, 1, 1], 'b.weight': [2, 6, 1, 1] },
      [
        ['Conv', ['x', 'a.weight'], ['a.weight', 'a.bias']],
        ['Conv', ['y0', 'b.weight'], ['n.weight', 'n.bias', 'n.mean', 'n.var']],
      ],
      {
        'a.weight': 'PARAMETER',
        'a.bias': 'PARAMETER',
        'n.weight': 'PARAMETER',
        'n.bias': 'PARAMETER',
        'n.mean': 'BUFFER',
        'n.var': 'BUFFER',
      },
    ),
  );
  expect(inputs(separated)).toEqual([['a.weight', 'a.bias'], ['b.weight']]);
});
