/** What devices keep to themselves: batch normalisation as FedBN trains it. */
import { expect, test } from 'vitest';
import { importModel, initializeParameters } from '../models/index.js';
import { GraphBuilder, int, tensorOf } from '../onnx/index.js';
import { onnxruntimeInference, onnxruntimeTraining } from '../runtimes/index.js';
import { classExamples, examplesOf } from '../testing/examples.js';
import { compilePlan, decodeManifest, encodeManifest, exportModel, localStart } from './index.js';

const [features, units, classes] = [4, 5, 3];

function normalized() {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', features]);
  const wave = (name: string, shape: readonly number[], scale = 0.4, shift = 0) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, (_, i) => shift + scale * Math.sin(3 * i + name.length));
    return b.initializer(name, tensorOf('float32', shape, values));
  };
  const hidden = b.op('Gemm', [x, wave('first.weight', [features, units]), wave('first.bias', [units])]);
  const stored = [
    wave('norm.weight', [units], 0.1, 1),
    wave('norm.bias', [units]),
    wave('norm.running_mean', [units]),
    wave('norm.running_var', [units], 0.2, 1),
  ];
  const norm = b.op('Relu', [b.op('BatchNormalization', [hidden, ...stored])]);
  b.output(b.op('Gemm', [norm, wave('last.weight', [classes, units])], { transB: int(1) }));
  return b.build();
}

const compile = (batchNorm: 'averaged' | 'local', chunkSteps?: number, proximalMu = 0) => {
  const model = importModel(normalized(), { batchNorm });
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    batchSize: 8,
    proximalMu,
    ...(chunkSteps === undefined ? {} : { chunkSteps }),
  });
  return { model, plan, parameters: initializeParameters(model, 0) };
};

const { source } = classExamples(40, features, classes, 3);
const settings = { examples: source, epochs: 3, learningRate: 0.05, seed: 5 };

async function trained({ plan, parameters }: ReturnType<typeof compile>, local = localStart(plan)) {
  const session = await onnxruntimeTraining.load(plan);
  const own = local === undefined ? {} : { local };
  const result = await session.train({ ...settings, parameters, ...own });
  const after = parameters.map((value, i) => value + result.delta[i]);
  const kept = result.local === undefined ? {} : { local: result.local };
  const metrics = await session.evaluate({ parameters: after, examples: source, ...kept });
  await session.release();
  return { ...result, after, metricsAfter: metrics };
}

test('what is kept is trained as it is where it travels, and is no part of the delta', async () => {
  const [shared, own] = [compile('averaged'), compile('local')];
  const { local: layout, parameters } = own.plan.manifest;
  expect(parameters.map(({ name }) => name)).toEqual(['first.weight', 'first.bias', 'last.weight']);
  expect(layout?.parameters.map(({ name }) => name)).toEqual([
    'norm.weight',
    'norm.bias',
    'norm.running_mean',
    'norm.running_var',
  ]);
  expect(own.plan.manifest.parameterCount + (layout?.count ?? 0)).toBe(shared.plan.manifest.parameterCount);
  const [together, apart] = [await trained(shared), await trained(own)];
  expect(apart.delta).toHaveLength(own.plan.manifest.parameterCount);
  const sharedAt = (name: string): number =>
    shared.plan.manifest.parameters.find((entry) => entry.name === name)?.offset ?? -1;
  for (const [entries, flat] of [
    [parameters, apart.after],
    [layout?.parameters ?? [], apart.local ?? new Float32Array(0)],
  ] as const) {
    for (const { name, offset, shape } of entries) {
      const count = shape.reduce((product, size) => product * size, 1);
      const at = sharedAt(name);
      for (let i = 0; i < count; i++) expect(flat[offset + i]).toBeCloseTo(together.after[at + i], 5);
    }
  }
  expect(apart.local).not.toEqual(localStart(own.plan));
  expect(apart.metricsAfter.sums.loss).toBeCloseTo(together.metricsAfter.sums.loss, 3);
});

test.each([1, 2, 4])('is the same however steps are cut into chunks: %i steps a run', async (chunkSteps) => {
  const [whole, cut] = [compile('local'), compile('local', chunkSteps)];
  const start = localStart(cut.plan);
  expect(await trained(cut, start)).toEqual(await trained(whole));
  expect(start).toEqual(localStart(cut.plan));
});

test('a proximal term pulls at what is shared alone', async () => {
  const pulled = await trained(compile('local', undefined, 1e6));
  expect(Math.hypot(...pulled.delta)).toBeLessThan(Math.hypot(...(await trained(compile('local'))).delta));
  expect(pulled.local?.every(Number.isFinite)).toBe(true);
});

test('the manifest says what is kept, and does not contradict itself', () => {
  const { manifest } = compile('local').plan;
  expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
  const { local } = manifest;
  if (local === undefined) throw new Error('nothing is kept');
  const broken = [
    { ...local, count: local.count + 1 },
    { ...local, parameters: local.parameters.slice(1) },
    { ...local, parameters: [{ ...local.parameters[0], name: 'last.weight' }, ...local.parameters.slice(1)] },
  ];
  for (const wrong of broken) {
    expect(() => decodeManifest(encodeManifest({ ...manifest, local: wrong }))).toThrow(
      expect.objectContaining({ code: 'plan/malformed' }),
    );
  }
});

test('a runtime refuses to train without what the device keeps, or with what the plan does not know', async () => {
  const { plan, parameters } = compile('local');
  const session = await onnxruntimeTraining.load(plan);
  await expect(session.train({ ...settings, parameters })).rejects.toMatchObject({ code: 'runtime/input' });
  const tooMany = new Float32Array(21);
  await expect(session.train({ ...settings, parameters, local: tooMany })).rejects.toThrow('20 numbers');
  await expect(session.evaluate({ parameters, examples: source })).rejects.toThrow('20 numbers');
  await session.release();
});

test('an exported model has the start of what is kept, or what one device came to', async () => {
  const own = compile('local');
  const { after, local } = await trained(own);
  if (local === undefined) throw new Error('nothing is kept');
  const row = [0.3, -1, 2, 0.1];
  const predict = async (kept?: Float32Array) => {
    const inference = await onnxruntimeInference.load(exportModel(own.plan, after, {}, kept));
    const output = await inference.predict(Float32Array.from(row), 1);
    await inference.release();
    return [...output];
  };
  const [common, personal] = [await predict(), await predict(local)];
  expect(personal).not.toEqual(common);
  const session = await onnxruntimeTraining.load(own.plan);
  const one = examplesOf([row], [[personal.indexOf(Math.max(...personal))]]);
  const { sums } = await session.evaluate({ parameters: after, local, examples: one });
  await session.release();
  expect(sums.accuracy).toBe(1);
  expect(sums.loss).toBeCloseTo(
    Math.log(personal.reduce((sum, v) => sum + Math.exp(v), 0)) - Math.max(...personal),
    4,
  );
});

test('a parameter may be called as the graphs call their own values', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 2]);
  const weight = b.initializer('Reshape:0', tensorOf('float32', [2, 2], [1, 2, 3, 4]));
  const bias = b.initializer('output', tensorOf('float32', [2], [5, 6]));
  b.output(b.op('Gemm', [x, weight, bias]), 'y');
  const model = importModel(b.build());
  const plan = compilePlan(model, {
    loss: { kind: 'mean-squared-error' },
    optimizer: { kind: 'sgd' },
    batchSize: 1,
  });
  const inference = await onnxruntimeInference.load(exportModel(plan, initializeParameters(model, 0)));
  expect([...(await inference.predict(Float32Array.of(1, 1), 1))]).toEqual([9, 12]);
  await inference.release();
});
