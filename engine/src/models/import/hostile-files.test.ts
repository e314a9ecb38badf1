/** Files that lead elsewhere, or wait, or lie in wait: what a model names is read where it lies beside it, and nothing else. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { onnx } from '../../../generated/onnx.js';
import { GraphBuilder, readModel, tensorOf, writeModel } from '../../onnx/index.js';
import { importModelFile, inspectModel } from './index.js';

const folder = mkdtempSync(join(tmpdir(), 'starling-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const models = join(folder, 'models');
mkdirSync(models);

/** A dense layer, as a message that may be changed. */
function dense(change: (graph: onnx.GraphProto.$Properties) => void = () => {}): Uint8Array {
  const b = new GraphBuilder();
  const w = b.initializer(
    'w',
    tensorOf(
      'float32',
      [4, 4],
      Array.from({ length: 16 }, (_, i) => i),
    ),
  );
  b.output(b.op('MatMul', [b.input('x', 'float32', ['batch', 4]), w], {}, { name: 'product' }), 'y');
  const message = onnx.ModelProto.decode(writeModel(b.build()));
  if (message.graph) change(message.graph);
  return onnx.ModelProto.encode(message).finish();
}

function external(location: string, dims = [4, 4]): Uint8Array {
  return dense((graph) => {
    for (const stored of graph.initializer ?? []) {
      stored.rawData = new Uint8Array();
      stored.dims = dims;
      stored.dataLocation = onnx.TensorProto.DataLocation.EXTERNAL;
      stored.externalData = [{ key: 'location', value: location }];
    }
  });
}

const written = (path: string, bytes: Uint8Array): string => {
  writeFileSync(path, bytes);
  return path;
};

const weights = new Uint8Array(Float32Array.from({ length: 16 }, (_, i) => 2 * i).buffer);

test.each([
  ['a link out of the folder', 'link.bin', /outside of the model's folder, at "link.bin"/],
  ['a folder that leads out of it', 'away/secret.bin', /outside of the model's folder/],
  ['a pipe that nobody writes to', 'pipe.bin', /w should be in .*pipe.bin.*no file/],
  ['a folder', 'inner', /w should be in .*inner.*no file/],
  ['a name with a zero in it', 'a\0b', /w should be in .*cannot be read/],
])('tensors in %s are refused', (_, location, message) => {
  written(join(folder, 'secret.bin'), weights);
  for (const name of ['link.bin', 'away', 'pipe.bin', 'inner'])
    rmSync(join(models, name), { recursive: true, force: true });
  symlinkSync(join(folder, 'secret.bin'), join(models, 'link.bin'));
  symlinkSync(folder, join(models, 'away'));
  execFileSync('mkfifo', [join(models, 'pipe.bin')]);
  mkdirSync(join(models, 'inner'));
  const path = written(join(models, 'led-away.onnx'), external(location));
  expect(() => importModelFile(path)).toThrow(
    expect.objectContaining({ code: 'onnx/inconsistent', message: expect.stringMatching(message) }),
  );
});

test('a store that links to the model and its tensors where both lie together is read', () => {
  const [store, snapshot] = [join(folder, 'store'), join(folder, 'snapshot')];
  for (const path of [store, snapshot]) mkdirSync(path);
  written(join(store, 'a1'), external('weights.bin'));
  written(join(store, 'b2'), weights);
  symlinkSync(join(store, 'a1'), join(snapshot, 'model.onnx'));
  symlinkSync(join(store, 'b2'), join(snapshot, 'weights.bin'));
  const [start] = importModelFile(join(snapshot, 'model.onnx')).starts;
  expect(start).toEqual({ kind: 'stored', values: new Float32Array(weights.buffer) });
});

test('tensors of 8 GB that the disk does not even hold are refused before memory is taken for them', () => {
  truncateSync(written(join(models, 'sparse.bin'), weights), 8 * 2 ** 30);
  const path = written(join(models, 'sparse.onnx'), external('sparse.bin', [2 ** 15, 2 ** 16]));
  expect(() => importModelFile(path)).toThrow(
    expect.objectContaining({ code: 'onnx/unsupported', message: expect.stringContaining('initializer w') }),
  );
});

test.each(['/dev/zero', models, join(folder, 'nothing.onnx')])('%s is no model file', (path) => {
  expect(() => importModelFile(path)).toThrow(/there is no model at .*check the path/);
});

test.each([
  ['moves the cursor', 'evil\u001b[2J\nAll is well'],
  ['turns the direction of writing', 'safe\u202egnp'],
  ['fills the screen', 'B'.repeat(5_000_000)],
])('a name that %s is refused in words that do not', (_, name) => {
  const bytes = dense((graph) => {
    for (const node of graph.node ?? []) node.name = name;
  });
  const refused = expect.objectContaining({
    code: 'onnx/inconsistent',
    message: expect.stringMatching(/^the node [ -~]{1,200} has a name of [ -~]{1,200}$/),
  });
  expect(() => readModel(bytes)).toThrow(refused);
});

test('what a file does not say of its outputs is found out', () => {
  const bytes = dense((graph) => {
    graph.output = [{ name: 'y' }];
  });
  const { outputs } = inspectModel(written(join(models, 'untyped.onnx'), bytes));
  expect(outputs).toEqual([{ name: 'y', dataType: 'float32', shape: ['batch', 4] }]);
});

test('a branch that is known and says nothing of its results is written out', () => {
  const branch: onnx.GraphProto.$Properties = {
    name: 'taken',
    output: [{ name: 'z' }],
    node: [{ opType: 'Relu', input: ['m'], output: ['z'], attribute: [] }],
  };
  const bytes = dense((graph) => {
    const attribute = ['then_branch', 'else_branch'].map((name) => ({
      name,
      type: onnx.AttributeProto.AttributeType.GRAPH,
      g: branch,
    }));
    for (const node of (graph.node ?? []).slice(-1)) node.output = ['m'];
    graph.node?.push({ opType: 'If', name: 'fork', input: ['condition'], output: ['y'], attribute });
    graph.initializer?.push({ name: 'condition', dataType: 9, dims: [], rawData: Uint8Array.of(1) });
  });
  const { operators, obstacles } = inspectModel(written(join(models, 'branch.onnx'), bytes));
  expect(obstacles).toEqual([]);
  expect(operators.map(({ opType }) => opType).sort()).toEqual(['Identity', 'MatMul', 'Relu']);
});
