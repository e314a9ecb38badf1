/** Files that are damaged, made to harm, or beyond what can be trained: each ends in an error that says what to do. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { onnx } from '../../../generated/onnx.js';
import { AutodiffError } from '../../autodiff/index.js';
import {
  type Attribute,
  type Graph,
  GraphBuilder,
  graphAttribute,
  OnnxError,
  readModel,
  tensorOf,
  writeModel,
} from '../../onnx/index.js';
import { compilePlan } from '../../plan/index.js';
import { ModelError } from '../errors.js';
import { importModel, importModelFile, inspectModel } from './index.js';

const models = join(dirname(fileURLToPath(import.meta.url)), '../../../../test/oracles/models');
const folder = mkdtempSync(join(tmpdir(), 'starling-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

const written = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

const isTyped = (error: unknown): boolean =>
  error instanceof OnnxError || error instanceof ModelError || error instanceof AutodiffError;

test('bytes changed or cut off anywhere give a model or a typed error', () => {
  const good = readFileSync(join(models, 'squeeze-excite', 'model.onnx'));
  const property = fc.property(
    fc.integer({ min: 0, max: good.length }),
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 }),
    (length, changes) => {
      const bytes = Uint8Array.from(good.subarray(0, length));
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      try {
        importModel(readModel(bytes));
      } catch (error) {
        if (!isTyped(error)) throw error;
      }
    },
  );
  fc.assert(property, { numRuns: 150 });
});

test('a file of 8 GB is refused before it is read', () => {
  const path = written('large.onnx', new Uint8Array(1));
  truncateSync(path, 8 * 2 ** 30);
  expect(() => importModelFile(path)).toThrow(expect.objectContaining({ code: 'onnx/unsupported' }));
});

/** A dense layer whose weight says that it lies elsewhere. */
function externalModel(entries: Readonly<Record<string, string>>): Uint8Array {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 4]);
  const weights = Float32Array.from({ length: 12 }, (_, i) => i);
  const w = b.initializer('w', tensorOf('float32', [4, 3], weights));
  b.output(b.op('MatMul', [x, w]), 'y');
  const message = onnx.ModelProto.decode(writeModel(b.build()));
  const [stored] = message.graph?.initializer ?? [];
  stored.rawData = new Uint8Array();
  stored.dataLocation = onnx.TensorProto.DataLocation.EXTERNAL;
  stored.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return onnx.ModelProto.encode(message).finish();
}

test('tensors in a file beside the model are read', () => {
  const values = Float32Array.from({ length: 14 }, (_, i) => i);
  written('weights.bin', new Uint8Array(values.buffer));
  const bytes = externalModel({ location: 'weights.bin', offset: '8', length: '48' });
  const { starts } = importModelFile(written('external.onnx', bytes));
  expect(starts[0]).toEqual({ kind: 'stored', values: values.subarray(2) });
});

test.each([
  ['a path out of the folder', { location: '../../etc/passwd' }],
  ['an absolute path', { location: '/etc/passwd' }],
  ['a file that is not there', { location: 'none.bin' }],
  ['a place beyond the end', { location: 'short.bin', offset: '1000' }],
  ['another length than its shape', { location: 'short.bin', length: '7' }],
  ['no offset at all', { location: 'short.bin', offset: '-5' }],
])('a tensor that names %s is refused', (name, entries) => {
  written('short.bin', new Uint8Array(64));
  const path = written(`${name.replaceAll(' ', '-')}.onnx`, externalModel(entries));
  expect(() => importModelFile(path)).toThrow(expect.objectContaining({ code: 'onnx/inconsistent' }));
});

/** One node between an input and a dense layer. */
function withNode(opType: string, attributes: Readonly<Record<string, Attribute>> = {}): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 4]);
  const w = b.initializer('w', tensorOf('float32', [4, 4], new Array(16).fill(0.5)));
  b.output(b.op('Relu', [b.op('MatMul', [x, w])], {}, { name: 'troubled' }), 'y');
  const graph = b.graph();
  return {
    ...graph,
    nodes: graph.nodes.map((node) => (node.name === 'troubled' ? { ...node, opType, attributes } : node)),
  };
}

const empty: Graph = { name: 'b', inputs: [], outputs: [], initializers: new Map(), nodes: [] };

test.each([
  ['Loop', { body: graphAttribute(empty) }],
  ['If', { then_branch: graphAttribute(empty), else_branch: graphAttribute(empty) }],
  ['StringNormalizer', {}],
  ['NoSuchOperator', {}],
])('%s is refused, its node named', (opType, attributes) => {
  const model = { graph: withNode(opType, attributes), opsets: { '': 20 }, metadata: {} };
  expect(() => importModel(model)).toThrow(
    expect.objectContaining({ code: 'onnx/unsupported', message: expect.stringContaining('troubled') }),
  );
});

test('an operator without a rule is an obstacle that inspecting names, and compiling refuses', () => {
  const model = { graph: withNode('Hardmax'), opsets: { '': 20 }, metadata: {} };
  const inspected = inspectModel(written('hardmax.onnx', writeModel(model)));
  expect(inspected.obstacles.map(({ node }) => node)).toEqual(['troubled']);
  const options = { loss: { kind: 'mean-squared-error' }, optimizer: { kind: 'sgd' }, batchSize: 2 } as const;
  expect(() => compilePlan(importModel(model), options)).toThrow(
    expect.objectContaining({ code: 'autodiff/no-rule', message: expect.stringContaining('troubled') }),
  );
});

test('a terabyte of zeros that a node asks for is refused and not made', () => {
  const graph = withNode('Relu');
  const shape = tensorOf('int64', [2], [2 ** 20, 2 ** 20]);
  const node = { name: 'zeros', opType: 'ConstantOfShape', domain: '', inputs: ['size'], outputs: ['zeros'] };
  const hostile: Graph = {
    ...graph,
    initializers: new Map([...graph.initializers, ['size', shape]]),
    nodes: [...graph.nodes, { ...node, attributes: {} }],
  };
  expect(() => importModel({ graph: hostile, opsets: { '': 20 }, metadata: {} })).toThrow(
    expect.objectContaining({ code: 'onnx/unsupported', message: expect.stringContaining('node zeros') }),
  );
});

test('nodes that wait for each other are refused, and one of them named', () => {
  const graph = withNode('Relu');
  const wait = (name: string, reads: string) =>
    ({ name, opType: 'Relu', domain: '', inputs: [reads], outputs: [name], attributes: {} }) as const;
  const nodes = [wait('first', 'second'), wait('second', 'first'), ...graph.nodes];
  expect(() => importModel({ graph: { ...graph, nodes }, opsets: { '': 20 }, metadata: {} })).toThrow(
    expect.objectContaining({
      code: 'onnx/inconsistent',
      message: expect.stringMatching(/first.*"second".*circle/),
    }),
  );
});

/** A model of one product, changed as bytes that say something else. */
function changed(change: (graph: onnx.GraphProto.$Properties) => void): Uint8Array {
  const model = { graph: withNode('Relu'), opsets: { '': 20 }, metadata: {} };
  const message = onnx.ModelProto.decode(writeModel(model));
  if (message.graph) change(message.graph);
  return onnx.ModelProto.encode(message).finish();
}

test.each([
  [
    'an input of strings',
    /x.*element type 8/,
    (graph: onnx.GraphProto.$Properties) => {
      graph.input = [{ name: 'x', type: { tensorType: { elemType: 8, shape: { dim: [{ dimValue: 1 }] } } } }];
    },
  ],
  [
    'an input whose rank is not known',
    /x.*rank.*shape_inference/,
    (graph: onnx.GraphProto.$Properties) => {
      graph.input = [{ name: 'x', type: { tensorType: { elemType: 1 } } }];
    },
  ],
  [
    'an input that is a list',
    /x/,
    (graph: onnx.GraphProto.$Properties) => {
      graph.input = [{ name: 'x', type: { sequenceType: {} } }];
    },
  ],
  [
    'a tensor of more elements than there are atoms',
    /w should have/,
    (graph: onnx.GraphProto.$Properties) => {
      for (const one of graph.initializer ?? []) one.dims = [2 ** 50, 2 ** 50];
    },
  ],
  [
    'a tensor of a negative size',
    /w has the impossible shape/,
    (graph: onnx.GraphProto.$Properties) => {
      for (const one of graph.initializer ?? []) one.dims = [-4, -4];
    },
  ],
])('%s is refused, its place named', (name, message, change) => {
  const path = written(`${name.replaceAll(' ', '-')}.onnx`, changed(change));
  expect(() => importModelFile(path)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(message) }),
  );
});

test('graphs inside of graphs, a hundred thousand deep, end in an error and not in the stack', () => {
  // A field of length-delimited type, again and again: attribute 5 of a node, graph 6 of an attribute, node 1 of a graph.
  const head = (field: number, length: number): number[] => {
    const bytes = [(field << 3) | 2];
    let rest = length;
    while (rest > 127) {
      bytes.push((rest & 127) | 128);
      rest = Math.floor(rest / 128);
    }
    return [...bytes, rest];
  };
  const heads: number[][] = [];
  let length = 0;
  for (let depth = 0; depth < 100_000; depth++) {
    const next = head([1, 6, 5][depth % 3], length);
    heads.push(next);
    length += next.length;
  }
  const bytes = Uint8Array.from([...head(7, length), ...heads.reverse().flat()]);
  expect(() => readModel(bytes)).toThrow(expect.objectContaining({ code: 'onnx/malformed' }));
});

const layersModel = (paths: readonly string[], shape: readonly number[] = [2, 1]): string =>
  JSON.stringify({
    format: 'layers-model',
    modelTopology: {
      class_name: 'Sequential',
      config: {
        name: 's',
        layers: [
          {
            class_name: 'Dense',
            config: {
              name: 'd',
              units: 1,
              use_bias: false,
              activation: 'linear',
              batch_input_shape: [null, 2],
            },
          },
        ],
      },
    },
    weightsManifest: [{ paths, weights: [{ name: 'd/kernel', shape, dtype: 'float32' }] }],
  });

test.each([
  ['outside of its folder', ['../../etc/passwd'], [2, 1], /outside/],
  ['missing', ['none.bin'], [2, 1], /cannot be read/],
  ['cut off', ['short-weights.bin'], [2, 1], /should have 8 bytes/],
  ['larger than any memory', ['short-weights.bin'], [2 ** 40, 2 ** 10], /exceed/],
])('a layers model whose weights are %s is refused', (name, paths, shape, message) => {
  written('short-weights.bin', new Uint8Array(4));
  const path = written(`${name.replaceAll(' ', '-')}.json`, Buffer.from(layersModel(paths, shape)));
  expect(() => importModelFile(path)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(message) }),
  );
});

test('text changed or cut off anywhere in a layers model gives a model or a typed error', () => {
  written('weights-of-two.bin', new Uint8Array(8));
  const good = layersModel(['weights-of-two.bin']);
  const property = fc.property(
    fc.integer({ min: good.length - 3, max: good.length }),
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.constantFrom('0', '9', 'x', '"', '[', '}', 'null')), {
      maxLength: 3,
    }),
    (length, changes) => {
      let text = good.slice(0, length);
      for (const [at, put] of changes) text = text.slice(0, at) + put + text.slice(at + 1);
      const path = written('changed.json', Buffer.from(text));
      try {
        importModelFile(path);
      } catch (error) {
        if (!isTyped(error)) throw error;
      }
    },
  );
  fc.assert(property, { numRuns: 200 });
});
