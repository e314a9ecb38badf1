import fc from 'fast-check';
import { InferenceSession } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { buildModel, initializeParameters, modelNames, namedModel, parseModel } from '../models/index.js';
import { onnxruntimeInference } from '../runtimes/index.js';
import {
  compilePlan,
  decodeManifest,
  encodeManifest,
  exportModel,
  PlanError,
  type PlanManifest,
  type PlanOptions,
  verifyPlan,
} from './index.js';

const options: PlanOptions = {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'sgd' },
  batchSize: 10,
};
const small = parseModel({
  kind: 'sequential',
  inputShape: [3],
  layers: [{ kind: 'dense', units: 4 }, { kind: 'tanh' }, { kind: 'dense', units: 2 }],
});

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof PlanError) return error.code;
    throw error;
  }
  return 'none';
}

test.each(modelNames)('%s compiles to the same bytes every time, all in the manifest', (name) => {
  const plan = compilePlan(namedModel(name), options);
  verifyPlan(plan);
  expect([...plan.files.keys()].filter((file) => file !== 'train-blocks.onnx')).toEqual([
    'train.onnx',
    'evaluate.onnx',
    'predict.onnx',
  ]);
  expect(encodeManifest(compilePlan(namedModel(name), options).manifest)).toEqual(
    encodeManifest(plan.manifest),
  );
});

test('a chunk of a large model has fewer steps, so that none blocks for long', () => {
  const steps = (name: string): number =>
    compilePlan(namedModel(name), { ...options, batchSize: 20 }).manifest.chunkSteps;
  expect(steps('cnn')).toBeGreaterThanOrEqual(4);
  expect(steps('cnn')).toBeLessThan(steps('2nn'));
  expect(steps('2nn')).toBeLessThanOrEqual(1024);
});

const name = fc.stringMatching(/^[a-z]{1,8}$/);
const shape = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 });
const manifests: fc.Arbitrary<PlanManifest> = fc
  .record({
    parameters: fc.uniqueArray(fc.record({ name, shape, trainable: fc.boolean() }), {
      selector: (entry) => entry.name,
      minLength: 1,
    }),
    files: fc.uniqueArray(
      fc.record({ name, sha256: fc.stringMatching(/^[0-9a-f]{64}$/), bytes: fc.integer({ min: 1 }) }),
      { selector: (file) => file.name },
    ),
    featureShape: shape,
    outputShape: shape,
    targetShape: shape,
    targetDataType: fc.constantFrom('int32' as const, 'float32' as const),
    batchSize: fc.integer({ min: 1 }),
    chunkSteps: fc.integer({ min: 1 }),
    blockSteps: fc.integer({ min: 2, max: 8 }),
    memoryBytes: fc.integer({ min: 1, max: 2 ** 40 }),
    loss: fc.oneof(
      fc.constant({ kind: 'softmax-cross-entropy' as const }),
      fc.record({
        kind: fc.constant('huber' as const),
        delta: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
      }),
    ),
    optimizer: fc.oneof(
      fc.constant({ kind: 'sgd' as const }),
      fc.record({
        kind: fc.constant('momentum' as const),
        momentum: fc.double({ min: 0, max: 0.99, noNaN: true }).map((value) => value + 0),
        nesterov: fc.boolean(),
      }),
    ),
    proximalMu: fc.double({ min: 1e-9, max: 10, noNaN: true }),
    metrics: fc.array(fc.record({ name })),
  })
  .map((parts) => {
    let offset = 0;
    const parameters = parts.parameters.map((entry) => {
      const placed = { ...entry, offset };
      offset += entry.shape.reduce((product, size) => product * size, 1);
      return placed;
    });
    const requires = { runtime: 'onnxruntime' as const, opset: 20 };
    return { format: 2 as const, ...parts, parameters, parameterCount: offset, requires };
  });

test('a manifest read back is the manifest written, and its bytes do not depend on the order of keys', () => {
  fc.assert(
    fc.property(manifests, (manifest) => {
      const bytes = encodeManifest(manifest);
      const read = decodeManifest(bytes);
      expect(read).toEqual(manifest);
      const reversed = Object.fromEntries(Object.entries(manifest).reverse()) as unknown as PlanManifest;
      expect(encodeManifest(reversed)).toEqual(bytes);
    }),
  );
});

test('whatever bytes arrive as a manifest, the answer is a manifest or a PlanError', () => {
  const good = encodeManifest(compilePlan(small, options).manifest);
  const damaged = fc
    .tuple(fc.nat(good.length - 1), fc.nat(255))
    .map(([at, byte]) => Uint8Array.from(good, (value, index) => (index === at ? byte : value)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), damaged), (bytes) => {
      expect(['plan/malformed', 'none']).toContain(codeOf(() => decodeManifest(bytes)));
    }),
    { numRuns: 500 },
  );
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['a later format', { format: 3 }, /format 3, but this version reads format 2; update this side/],
  ['an earlier format', { format: 1 }, /format 1, but this version reads format 2; compile it again/],
  [
    'a gap',
    { parameters: [{ name: 'a', shape: [2], offset: 1, trainable: true }] },
    /starts at 1 where 0 is next/,
  ],
  ['a wrong count', { parameterCount: 21 }, /says 21 parameters, but those it lists have 26/],
  [
    'a path as a file name',
    { files: [{ name: '../x', sha256: '0'.repeat(64), bytes: 1 }] },
    /"name" must be a file name/,
  ],
  ['no hash', { files: [{ name: 'x', sha256: 'abc', bytes: 1 }] }, /file 0: "sha256" must be 64/],
  ['an unknown field', { extra: 1 }, /unknown field "extra"/],
  ['a negative chunk', { chunkSteps: -1 }, /"chunkSteps" must be an integer of at least 1, found -1/],
])('a manifest with %s is refused', (_, change, sentence) => {
  const json = JSON.parse(new TextDecoder().decode(encodeManifest(compilePlan(small, options).manifest)));
  const changed = JSON.stringify({ ...json, ...change });
  expect(() => decodeManifest(new TextEncoder().encode(changed))).toThrow(sentence);
});

test('any changed byte of any file is found, as are missing and added files', () => {
  const plan = compilePlan(small, options);
  const files = [...plan.files];
  fc.assert(
    fc.property(fc.nat(files.length - 1), fc.nat(), fc.integer({ min: 1, max: 255 }), (which, at, flip) => {
      const [name, bytes] = files[which];
      const changed = bytes.slice();
      changed[at % bytes.length] ^= flip;
      const tampered = { ...plan, files: new Map([...files, [name, changed] as const]) };
      expect(codeOf(() => verifyPlan(tampered))).toBe('plan/tampered');
    }),
  );
  expect(codeOf(() => verifyPlan({ ...plan, files: new Map(files.slice(1)) }))).toBe('plan/tampered');
  const added = new Map([...files, ['more.onnx', new Uint8Array(3)] as const]);
  expect(codeOf(() => verifyPlan({ ...plan, files: added }))).toBe('plan/tampered');
});

test.each<[string, Partial<PlanOptions>]>([
  ['no batch', { batchSize: 0 }],
  ['half a step', { chunkSteps: 0.5 }],
  ['a negative μ', { proximalMu: -1 }],
])('%s is refused', (_, wrong) => {
  expect(codeOf(() => compilePlan(small, { ...options, ...wrong }))).toBe('plan/options');
});

test('a model without parameters is refused', () => {
  const relu = parseModel({ kind: 'sequential', inputShape: [3], layers: [{ kind: 'relu' }] });
  expect(() => compilePlan(relu, options)).toThrow(/nothing to train/);
});

test('an exported model needs nothing but features, in batches of any size', async () => {
  const plan = compilePlan(small, options);
  const parameters = initializeParameters(buildModel(small), 3);
  const bytes = exportModel(plan, parameters);
  const bare = await InferenceSession.create(bytes);
  expect(bare.inputNames).toEqual(['features']);
  expect(bare.outputNames).toEqual(['output']);
  await bare.release();

  const session = await onnxruntimeInference.load(bytes);
  const features = Float32Array.of(1, 2, 3, -1, 0.5, 0, 0, 0, 0);
  const together = await session.predict(features, 3);
  expect(together.length).toBe(6);
  for (let example = 0; example < 3; example++) {
    const alone = await session.predict(features.subarray(example * 3, example * 3 + 3), 1);
    for (let out = 0; out < 2; out++) {
      const hidden = Array.from({ length: 4 }, (_, unit) => {
        const sum = [0, 1, 2].reduce(
          (total, at) => total + features[example * 3 + at] * parameters[unit * 3 + at],
          0,
        );
        return Math.tanh(sum + parameters[12 + unit]);
      });
      const expected = hidden.reduce(
        (sum, h, unit) => sum + h * parameters[16 + out * 4 + unit],
        parameters[24 + out],
      );
      expect(alone[out]).toBeCloseTo(expected, 5);
      expect(together[example * 2 + out]).toBeCloseTo(expected, 5);
    }
  }
  await expect(session.predict(features, 2)).rejects.toMatchObject({ code: 'runtime/input' });
  await session.release();
  await expect(session.predict(features, 3)).rejects.toMatchObject({ code: 'runtime/released' });
});

test('exporting the parameters of another model is refused', () => {
  expect(() => exportModel(compilePlan(small, options), new Float32Array(25))).toThrow(
    /has 26 parameters, but 25/,
  );
});

test('a model that is not ONNX is refused by the runtime', async () => {
  await expect(onnxruntimeInference.load(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({
    code: 'runtime/load',
  });
});
