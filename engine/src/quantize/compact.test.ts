import { expect, test } from 'vitest';
import { buildModel, initializeParameters, parseModel } from '../models/index.js';
import { GraphBuilder, int, readModel, tensorOf, writeModel } from '../onnx/index.js';
import { compilePlan, exportModel } from '../plan/index.js';
import { onnxruntimeInference } from '../runtimes/onnxruntime-inference.js';
import { compact } from './compact.js';
import { quantizeModel } from './quantize-model.js';

/** A 1-D CNN of 28,000 parameters, as machines' vibration is learned by. */
const conv = (filters: number, kernelSize: number) => ({
  ...{ kind: 'conv1d', filters, kernelSize, padding: 'same' },
});
const pool = { kind: 'maxPool1d', poolSize: 2 };
const definition = {
  kind: 'sequential',
  inputShape: [6, 128],
  layers: [
    ...[conv(16, 9), { kind: 'relu' }, pool, conv(32, 5), { kind: 'relu' }, pool, { kind: 'flatten' }],
    ...[{ kind: 'dense', units: 24 }, { kind: 'relu' }, { kind: 'dense', units: 6 }],
  ],
};
const width = 6 * 128;
const rows = 64;
const features = Float32Array.from({ length: rows * width }, (_, at) => 3 * Math.sin(1.37 * at));
const examples = {
  count: rows,
  readFeatures(indices: Uint32Array, out: Float32Array) {
    for (const [row, index] of indices.entries()) {
      out.set(features.subarray(index * width, (index + 1) * width), row * width);
    }
  },
  readTargets(indices: Uint32Array, out: Int32Array | Float32Array) {
    for (const [row, index] of indices.entries()) out[row] = index % 6;
  },
};

test('a small CNN is more than 3.5 times smaller in int8, and computes what it does under its long names', async () => {
  const model = parseModel(definition);
  const plan = compilePlan(model, {
    ...{ loss: { kind: 'softmax-cross-entropy' }, optimizer: { kind: 'sgd' }, batchSize: 1 },
  });
  const f32 = exportModel(plan, initializeParameters(buildModel(model), 1), { contract: 'x'.repeat(700) });
  const form = await quantizeModel(readModel(f32), {
    ...{
      examples,
      target: { kind: 'class', elements: 1 },
      method: 'static',
      weightBits: 8,
      qualityDropMax: 1,
    },
    ranges: { method: 'minmax', percentile: 99.9 },
  });
  expect(f32.length / form.bytes.length).toBeGreaterThan(3.5);
  expect(readModel(form.bytes).metadata.contract).toHaveLength(700);
  const answers: number[][] = [];
  for (const bytes of [writeModel(form.model), form.bytes]) {
    const session = await onnxruntimeInference.load(bytes);
    answers.push([...(await session.predict(features, rows))]);
    await session.release();
  }
  expect(answers[0]).toEqual(answers[1]);
});

test('names that are asked for stay, equal constants become one, and a body keeps what it sees', () => {
  const builder = new GraphBuilder({ name: 'named' });
  const x = builder.input('0', 'float32', ['batch', 2]);
  const scaled = builder.op('Mul', [x, builder.constant(tensorOf('float32', [], [2]), 'two')]);
  const again = builder.op('Mul', [scaled, builder.constant(tensorOf('float32', [], [2]), 'two')]);
  builder.output(builder.op('ReduceSum', [again, builder.ints([1])], { keepdims: int(0) }), 'y');
  const small = compact(builder.build());
  expect(small.graph.inputs.map(({ name }) => name)).toEqual(['0']);
  expect(small.graph.outputs.map(({ name }) => name)).toEqual(['y']);
  expect(small.graph.initializers.size).toBe(2);
  expect(small.graph.nodes[0].inputs[0]).toBe('0');
  expect(new Set(small.graph.nodes.flatMap(({ outputs }) => outputs)).has('0')).toBe(false);
  const body = { kind: 'graph', value: small.graph } as const;
  const node = { ...small.graph.nodes[0], attributes: { body } };
  const outer = { ...small, graph: { ...small.graph, nodes: [node] } };
  expect(compact(outer)).toBe(outer);
});
