import fc from 'fast-check';
import { expect, test } from 'vitest';
import { onnx } from '../../generated/onnx.js';
import {
  type Attribute,
  type DataType,
  defaultOpset,
  elementCount,
  float,
  floats,
  GraphBuilder,
  graphAttribute,
  int,
  ints,
  type Model,
  OnnxError,
  readModel,
  string,
  strings,
  type Tensor,
  tensorAttribute,
  tensorOf,
  writeModel,
} from './index.js';
import { legible } from './legible-text.js';

const dataTypes: readonly DataType[] = [
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
];

const tensors: fc.Arbitrary<Tensor> = fc
  .record({
    dataType: fc.constantFrom(...dataTypes),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
    start: fc.integer({ min: 0, max: 40 }),
  })
  .map(({ dataType, shape, start }) => {
    const values = Array.from({ length: elementCount(shape) }, (_, i) => start + i);
    return tensorOf(dataType, shape, values);
  });

const finite = fc.float({ noNaN: true, noDefaultInfinity: true });
const exact = fc.maxSafeInteger();

const attributes: fc.Arbitrary<Attribute> = fc.oneof(
  exact.map(int),
  finite.map(float),
  fc.string().map(string),
  fc.array(exact).map(ints),
  fc.array(finite).map(floats),
  fc.array(fc.string()).map(strings),
  tensors.map(tensorAttribute),
);

/** Others may move the cursor, and are refused. */
const names = fc.string({ minLength: 1, maxLength: 8 }).filter((name) => legible(name) === name);

const models: fc.Arbitrary<Model> = fc
  .record({
    stored: fc.dictionary(names, tensors, { noNullPrototype: true }),
    attributes: fc.dictionary(names, attributes, { noNullPrototype: true }),
    metadata: fc.dictionary(names, fc.string(), { noNullPrototype: true }),
    shape: fc.array(fc.oneof(fc.integer({ min: 1 }), names)),
  })
  .map(({ stored, attributes, metadata, shape }) => ({
    graph: {
      name: 'g',
      inputs: [{ name: 'a longer name: in', dataType: 'float32', shape }],
      outputs: [{ name: 'a longer name: out', dataType: 'int64', shape }],
      initializers: new Map(Object.entries(stored)),
      nodes: [
        {
          name: 'n',
          opType: 'Anything',
          domain: 'some.domain',
          inputs: ['a', '', 'b'],
          outputs: ['', 'c'],
          attributes,
        },
      ],
    },
    opsets: { '': defaultOpset, 'some.domain': 3 },
    metadata,
  }));

test('what is written is read back', () => {
  fc.assert(
    fc.property(models, fc.integer({ min: 0, max: 8 }), (model, offset) => {
      const bytes = writeModel(model);
      // At any address: tensors are views only where the alignment allows.
      const placed = new Uint8Array(bytes.length + offset).subarray(offset);
      placed.set(bytes);
      expect(readModel(placed)).toEqual(model);
    }),
    { numRuns: 100 },
  );
});

test('graphs inside nodes are read back', () => {
  const outer = new GraphBuilder();
  const body = outer.subgraph('body');
  body.output(body.op('Mul', [body.input('x', 'float32', [2]), body.scalar(3)]));
  const xs = outer.input('xs', 'float32', ['steps', 2]);
  outer.output(outer.op('Scan', [xs], { body: graphAttribute(body.graph()), num_scan_inputs: int(1) }), 'ys');
  expect(readModel(writeModel(outer.build()))).toEqual(outer.build());
});

function small(): Uint8Array {
  const b = new GraphBuilder();
  const w = b.initializer('w', tensorOf('float32', [2, 3], [1, 2, 3, 4, 5, 6]));
  b.output(b.op('MatMul', [b.input('x', 'float32', ['batch', 2]), w]), 'y');
  return writeModel(b.build());
}

test('bytes that were cut off or changed give a typed error or a model, never anything else', () => {
  const bytes = small();
  const attempt = (changed: Uint8Array): void => {
    try {
      readModel(changed);
    } catch (error) {
      expect(error).toBeInstanceOf(OnnxError);
    }
  };
  for (let length = 0; length < bytes.length; length++) attempt(bytes.subarray(0, length));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
      attempt(bytes.with(at, value));
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 500 });
});

test.each([
  ['nothing', new Uint8Array(), 'onnx/malformed'],
  ['text', new TextEncoder().encode('<html>not a model</html>'), 'onnx/malformed'],
  ['half a model', small().subarray(0, 60), 'onnx/malformed'],
])('%s is refused', (_name, bytes, code) => {
  expect(() => readModel(bytes)).toThrow(expect.objectContaining({ code }));
});

function withInitializer(initializer: onnx.TensorProto.$Properties): Uint8Array {
  const graph = { name: 'g', initializer: [{ name: 'w', dims: [2], dataType: 1, ...initializer }] };
  return onnx.ModelProto.encode({ irVersion: 9, opsetImport: [{ version: 20 }], graph }).finish();
}

test.each([
  ['too few bytes', { rawData: new Uint8Array(4) }, 'onnx/inconsistent'],
  ['too few elements', { floatData: [1] }, 'onnx/inconsistent'],
  ['a negative size', { dims: [-2], rawData: new Uint8Array(8) }, 'onnx/inconsistent'],
  ['a size that overflows', { dims: [2 ** 40, 2 ** 40], rawData: new Uint8Array(8) }, 'onnx/inconsistent'],
  ['strings', { dataType: 8 }, 'onnx/unsupported'],
  ['a file beside the model', { dataLocation: 1 }, 'onnx/unsupported'],
])('a tensor with %s is refused', (_name, initializer, code) => {
  expect(() => readModel(withInitializer(initializer))).toThrow(expect.objectContaining({ code }));
});

test.each([
  ['float32', 1, { floatData: [1.5, -2] }, [1.5, -2]],
  ['float64', 11, { doubleData: [1.5, -2] }, [1.5, -2]],
  ['int64', 7, { int64Data: [5, -6] }, [5n, -6n]],
  ['uint64', 13, { uint64Data: [5, 6] }, [5n, 6n]],
  ['int8', 3, { int32Data: [-1, 7] }, [-1, 7]],
  ['float16', 10, { int32Data: [0x3c00, 0xc000] }, [0x3c00, 0xc000]],
  ['bool', 9, { int32Data: [0, 1] }, [0, 1]],
])('%s may be stored as a list', (dataType, code, data, expected) => {
  const model = readModel(withInitializer({ dataType: code, ...data }));
  const stored = model.graph.initializers.get('w');
  expect(stored?.dataType).toBe(dataType);
  expect([...(stored?.data ?? [])]).toEqual(expected);
});
