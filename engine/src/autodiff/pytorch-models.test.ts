/** Imported models against PyTorch's loss and gradients: test/oracles/generate-reference-models.py says how they were made. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Dense } from '../onnx/evaluation/index.js';
import {
  builderFromModel,
  foldConstants,
  type GraphBuilder,
  int,
  readModel,
  tensorOf,
  type Value,
} from '../onnx/index.js';
import { runOnnxRuntime } from '../testing/run-onnxruntime.js';
import { differentiate } from './index.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

interface Reference {
  readonly loss: 'softmax-cross-entropy' | 'mean-squared-error';
  readonly lossValue: number;
  readonly inputShape: readonly number[];
  readonly inputType: 'float32' | 'int64';
  readonly targetShape: readonly number[];
  readonly gradients: Readonly<
    Record<string, { offset: number; shape: readonly number[]; initializer: boolean }>
  >;
}

function bytesOf(file: string): ArrayBuffer {
  const bytes = readFileSync(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function numbersOf(file: string, type: 'float32' | 'int64'): Float64Array {
  const buffer = bytesOf(file);
  if (type === 'float32') return Float64Array.from(new Float32Array(buffer));
  return Float64Array.from(new BigInt64Array(buffer), Number);
}

/** The mean of the loss over the batch, as PyTorch defines it. */
function appendLoss(b: GraphBuilder, y: Value, reference: Reference, target: Float64Array): Value {
  const shape = y.shape.map(Number);
  if (reference.loss === 'mean-squared-error') {
    const difference = b.op('Sub', [y, b.constant(tensorOf('float32', shape, target))]);
    return b.op('ReduceMean', [b.op('Mul', [difference, difference])], { keepdims: int(0) });
  }
  const [batch, classes] = shape;
  const expected = new Float64Array(batch * classes);
  target.forEach((index, row) => {
    expected[row * classes + index] = -1 / batch;
  });
  const logProbabilities = b.op('LogSoftmax', [y], { axis: int(-1) });
  const chosen = b.op('Mul', [logProbabilities, b.constant(tensorOf('float32', shape, expected))]);
  return b.op('ReduceSum', [chosen], { keepdims: int(0) });
}

async function check(folder: string): Promise<void> {
  const reference: Reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8'));
  const expected = new Float32Array(bytesOf(join(folder, 'gradients.f32')));
  const model = readModel(readFileSync(join(folder, 'model.onnx')));
  const names = Object.keys(reference.gradients).filter((name) => reference.gradients[name].initializer);
  const folded = foldConstants(model, {
    dimensions: { batch: reference.inputShape[0] },
    keep: (name) => names.includes(name),
  });
  const { builder, outputs } = builderFromModel(folded);
  const targetType = reference.loss === 'softmax-cross-entropy' ? 'int64' : 'float32';
  const target = numbersOf(join(folder, 'target.bin'), targetType);
  const loss = appendLoss(builder, outputs[0].value, reference, target);
  const gradients = differentiate(builder, {
    loss,
    withRespectTo: names.map((name) => builder.value(name)),
  });
  const lossName = builder.output(loss).name;
  const gradientNames = gradients.map((gradient) => builder.output(gradient).name);

  const x: Dense = {
    dataType: reference.inputType,
    shape: reference.inputShape,
    data: numbersOf(join(folder, 'input.bin'), reference.inputType),
  };
  const results = await runOnnxRuntime(builder.build(), new Map([['x', x]]));
  expect(results.get(lossName)?.data[0]).toBeCloseTo(reference.lossValue, 4);
  expect(names.length).toBeGreaterThan(0);
  names.forEach((name, i) => {
    const { offset, shape } = reference.gradients[name];
    const actual = results.get(gradientNames[i]);
    expect(actual?.shape).toEqual(shape);
    let [error, norm] = [0, 0];
    actual?.data.forEach((value, at) => {
      error += (value - expected[offset + at]) ** 2;
      norm += expected[offset + at] ** 2;
    });
    expect(Math.sqrt(error / norm), `relative error of the gradient of ${name}`).toBeLessThan(1e-4);
  });
}

const own = join(root, 'test/oracles/models');

test.each(readdirSync(own))('%s agrees with PyTorch to 1e-4', async (name) => {
  await check(join(own, name));
});

const shared = join(root, '../shared/reference/models');
const present = existsSync(shared);
if (!present) console.warn(`skipped: no reference models at ${shared}`);

test.skipIf(!present).each(['mlp', 'lenet', 'har', 'transformer'])(
  'the reference model %s agrees with PyTorch to 1e-4',
  async (name) => {
    await check(join(shared, name));
  },
);
