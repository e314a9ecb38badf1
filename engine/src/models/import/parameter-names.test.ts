import { expect, test } from 'vitest';
import {
  GraphBuilder,
  int,
  type Model,
  readModel,
  tensorOf,
  type Value,
  writeModel,
} from '../../onnx/index.js';
import { importModel } from './index.js';
import { inspect } from './inspect.js';
import { signatureKey } from './parameter-names.js';

const counted = (b: GraphBuilder, name: string, shape: readonly number[]): Value =>
  b.initializer(
    name,
    tensorOf(
      'float32',
      shape,
      Array.from({ length: shape.reduce((n, size) => n * size, 1) }, (_, i) => 1 + i / 8),
    ),
  );

/** A token that is put before others, a table that turns them, a scale, an exponent and a classifier. */
function model(names: { readonly last: string }): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 2, 3]);
  const sizes = b.op('Concat', [b.op('Shape', [x], { end: int(1) }), b.ints([1, 3])], { axis: int(0) });
  const token = b.op('Expand', [counted(b, 'token', [1, 1, 3]), sizes]);
  const joined = b.op('Concat', [token, b.op('Abs', [x])], { axis: int(1) });
  const turned = b.op('MatMul', [joined, counted(b, 'table', [3, 3])]);
  const scaled = b.op('Div', [b.op('Exp', [counted(b, 'scale', [1])]), turned]);
  const powered = b.op('Pow', [b.op('Abs', [scaled]), counted(b, 'exponent', [])]);
  const shifted = b.op('Add', [powered, counted(b, 'beta_cast', [])]);
  const mean = b.op('ReduceMean', [shifted, b.ints([1])], { keepdims: int(0) });
  b.output(b.op('Gemm', [mean, counted(b, names.last, [4, 3])], { transB: int(1) }), 'y');
  return b.build();
}

const trained = (model: Model): readonly string[] => importModel(model).parameters.map(({ name }) => name);

test('all that PyTorch names is trained: what is expanded and joined, what is exponentiated, single numbers', () => {
  const found = ['token', 'table', 'scale', 'exponent', 'head.weight'];
  expect(trained(model({ last: 'head.weight' }))).toEqual(found);
  expect(inspect(model({ last: 'head.weight' })).parameters.map(({ name }) => name)).toEqual(found);
});

test('of other programs, whose constants have names too, weights are trained and what is added or multiplied', () => {
  expect(trained(model({ last: 'model/dense/MatMul:0' }))).toEqual(['table', 'model/dense/MatMul:0']);
});

test('an exporter that tells parameters from buffers is believed, also after its file was written again', () => {
  const lines = [
    '# inputs',
    "p_token: PARAMETER target='token'",
    "b_table: BUFFER target='table' persistent=True",
    "p_head_weight: PARAMETER target='head.weight'",
    'x: USER_INPUT',
  ];
  const signed = { ...model({ last: 'head.weight' }), metadata: { [signatureKey]: lines.join('\n') } };
  expect(trained(signed)).toEqual(['token', 'head.weight']);
  expect(trained(readModel(writeModel(signed)))).toEqual(['token', 'head.weight']);
});

test('the ones that an exporter puts into group normalisation stay ones', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 4, 3]);
  const ones = b.initializer('/n/Constant_1_output_0', tensorOf('float32', [2], [1, 1]));
  const zeros = b.initializer('/n/Constant_2_output_0', tensorOf('float32', [2], [0, 0]));
  const groups = b.op('Reshape', [x, b.ints([0, 2, -1])]);
  const normal = b.op('Reshape', [b.op('InstanceNormalization', [groups, ones, zeros]), b.ints([-1, 4, 3])]);
  const scaled = b.op('Mul', [normal, counted(b, 'n.weight', [4, 1])]);
  b.output(b.op('ReduceMean', [scaled, b.ints([2])], { keepdims: int(0) }), 'y');
  expect(trained(b.build())).toEqual(['n.weight']);
});

test('a decoder with the transposed weight of its encoder, of which the exporter stored a copy, stays tied to it', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 6]);
  const values = Array.from({ length: 24 }, (_, i) => Math.sin(i));
  const turned = Array.from({ length: 24 }, (_, at) => values[(at % 4) * 6 + Math.floor(at / 4)]);
  const code = b.op('Gemm', [x, b.initializer('encoder.weight', tensorOf('float32', [4, 6], values))], {
    transB: int(1),
  });
  b.output(
    b.op('Gemm', [b.op('Sigmoid', [code]), b.initializer('val_7', tensorOf('float32', [6, 4], turned))], {
      transB: int(1),
    }),
    'y',
  );
  expect(trained(b.build())).toEqual(['encoder.weight']);
});
