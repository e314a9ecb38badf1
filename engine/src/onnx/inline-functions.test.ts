/** Models with functions of their own, against ONNX Runtime, which writes them out itself. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { onnx } from '../../generated/onnx.js';
import { readModel } from './read.js';
import { writeModel } from './write.js';

const { AttributeType } = onnx.AttributeProto;
const float = (name: string, f: number) => ({ name, type: AttributeType.FLOAT, f });
const reference = (name: string, refAttrName: string, type: onnx.AttributeProto.AttributeType) => ({
  name,
  refAttrName,
  type,
});

const tensorType = (shape: readonly (string | number)[]) => ({
  tensorType: {
    elemType: 1,
    shape: { dim: shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size })) },
  },
});
const standard = [{ domain: '', version: 18 }];

/** y = leaky(x; given slope), used by twice(x) = leaky(leaky(x)) + x; the second call takes the default slope. */
function withFunctions(changes: Partial<onnx.ModelProto.$Properties> = {}): Uint8Array {
  const leaky = {
    domain: 'own',
    name: 'leaky',
    input: ['x'],
    output: ['y'],
    attributeProto: [float('slope', 0.25)],
    opsetImport: standard,
    node: [
      {
        opType: 'LeakyRelu',
        input: ['x'],
        output: ['y'],
        attribute: [reference('alpha', 'slope', AttributeType.FLOAT)],
      },
    ],
  };
  const twice = {
    domain: 'own',
    name: 'twice',
    input: ['x', 'again'],
    output: ['sum', 'again'],
    attribute: ['first'],
    opsetImport: [...standard, { domain: 'own', version: 1 }],
    node: [
      {
        opType: 'leaky',
        domain: 'own',
        input: ['x'],
        output: ['t'],
        attribute: [reference('slope', 'first', AttributeType.FLOAT)],
      },
      { opType: 'leaky', domain: 'own', input: ['t'], output: ['u'] },
      { opType: 'Add', input: ['u', 'x'], output: ['sum'] },
    ],
  };
  return onnx.ModelProto.encode({
    irVersion: 9,
    opsetImport: [...standard, { domain: 'own', version: 1 }],
    functions: [leaky, { ...twice, output: ['sum'] }],
    graph: {
      name: 'g',
      input: [{ name: 'x', type: tensorType(['batch', 3]) }],
      output: [{ name: 'y', type: tensorType(['batch', 3]) }],
      node: [
        {
          name: 'a',
          opType: 'twice',
          domain: 'own',
          input: ['x', ''],
          output: ['h'],
          attribute: [float('first', 0.5)],
        },
        // The body's names again: t and u must not be those of the first call.
        {
          name: 'b',
          opType: 'twice',
          domain: 'own',
          input: ['h', ''],
          output: ['y'],
          attribute: [float('first', 0.1)],
        },
      ],
    },
    ...changes,
  }).finish();
}

async function run(bytes: Uint8Array): Promise<number[]> {
  const session = await InferenceSession.create(bytes);
  const { y } = await session.run({
    x: new Tensor('float32', Float32Array.of(-1, 2, -3, 0.5, -0.5, 4), [2, 3]),
  });
  await session.release();
  return [...(y.data as Float32Array)];
}

test('functions that call functions compute what ONNX Runtime computes of them', async () => {
  const bytes = withFunctions();
  const model = readModel(bytes);
  expect(new Set(model.graph.nodes.map(({ domain }) => domain))).toEqual(new Set(['']));
  expect(await run(writeModel(model))).toEqual(await run(bytes));
});

test('a function that calls itself is refused, and named', () => {
  const functions = [
    {
      domain: 'own',
      name: 'twice',
      input: ['x', 'z'],
      output: ['sum'],
      opsetImport: standard,
      node: [{ opType: 'twice', domain: 'own', input: ['x', ''], output: ['sum'] }],
    },
  ];
  expect(() => readModel(withFunctions({ functions }))).toThrow(
    expect.objectContaining({ code: 'onnx/inconsistent', message: expect.stringContaining('twice') }),
  );
});

test('functions that stand for a billion nodes are refused before they are written out', () => {
  const functions = Array.from({ length: 30 }, (_, level) => ({
    domain: 'own',
    name: level === 0 ? 'twice' : `level${level}`,
    input: ['x', 'z'],
    output: ['sum'],
    opsetImport: standard,
    node: [0, 1].map((half) => ({
      opType: level === 29 ? 'Neg' : `level${level + 1}`,
      domain: level === 29 ? '' : 'own',
      input: [half === 0 ? 'x' : 't'],
      output: [half === 0 ? 't' : 'sum'],
    })),
  }));
  expect(() => readModel(withFunctions({ functions }))).toThrow(
    expect.objectContaining({ code: 'onnx/unsupported', message: expect.stringContaining('nodes') }),
  );
});
