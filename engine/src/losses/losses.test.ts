import fc from 'fast-check';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { GraphBuilder, writeModel } from '../onnx/index.js';
import { PlanError } from '../plan/errors.js';
import { randomStream, standardNormal } from '../random.js';
import { type LossDefinition, lossGraph } from './index.js';

/** The definition of each loss in double precision, one example at a time, as a reader would write it down. */
function lossOf(definition: LossDefinition, output: readonly number[], target: readonly number[]): number {
  const mean = (element: (y: number, t: number) => number): number =>
    output.reduce((sum, y, at) => sum + element(y, target[at]), 0) / output.length;
  switch (definition.kind) {
    case 'softmax-cross-entropy': {
      const largest = Math.max(...output);
      const sum = output.reduce((total, z) => total + Math.exp(z - largest), 0);
      return Math.log(sum) + largest - output[target[0]];
    }
    case 'binary-cross-entropy':
      return mean(
        (z, t) => -t * Math.log(1 / (1 + Math.exp(-z))) - (1 - t) * Math.log(1 / (1 + Math.exp(z))),
      );
    case 'mean-squared-error':
      return mean((y, t) => (y - t) ** 2);
    case 'huber': {
      const { delta } = definition;
      return mean((y, t) => {
        const error = Math.abs(y - t);
        return error <= delta ? error ** 2 / 2 : delta * (error - delta / 2);
      });
    }
  }
}

interface Computed {
  /** `[examples, …]`, of the scaled losses' sum. */
  readonly gradient: Float32Array;
  readonly metrics: Readonly<Record<string, Float32Array>>;
}

/** Runs a loss's graphs over one step with a batch of `scale.length` examples. */
async function compute(
  definition: LossDefinition,
  size: number,
  outputs: readonly number[],
  targets: readonly number[],
  scale: readonly number[],
): Promise<Computed> {
  const loss = lossGraph(definition);
  const batch = scale.length;
  const targetShape = loss.targetShape([size]);
  const builder = new GraphBuilder();
  const outputValue = builder.input('outputs', 'float32', [batch, size]);
  const targetValue = builder.input('targets', loss.targetDataType, [1, batch, ...targetShape]);
  const scaleValue = builder.input('scale', 'float32', [1, batch]);
  const prepared = loss.prepare(builder, {
    targets: targetValue,
    scale: scaleValue,
    outputShape: [size],
  });
  const slices = prepared.map((value) => builder.op('Squeeze', [value, builder.ints([0])]));
  builder.output(loss.gradient(builder, outputValue, slices), 'gradient');
  const rows = builder.op('Squeeze', [targetValue, builder.ints([0])]);
  for (const { name, value } of loss.metrics(builder, outputValue, rows)) builder.output(value, name);

  const session = await InferenceSession.create(writeModel(builder.build()), { logSeverityLevel: 3 });
  const results = await session.run({
    outputs: new Tensor('float32', outputs, [batch, size]),
    targets:
      loss.targetDataType === 'int32'
        ? new Tensor('int32', targets, [1, batch])
        : new Tensor('float32', targets, [1, batch, ...targetShape]),
    scale: new Tensor('float32', scale, [1, batch]),
  });
  await session.release();
  const floats = (name: string): Float32Array => {
    const { data } = results[name];
    if (!(data instanceof Float32Array)) throw new Error(`${name} must be float32`);
    return data;
  };
  return {
    gradient: floats('gradient'),
    metrics: Object.fromEntries(loss.metricNames.map((name) => [name, floats(name)])),
  };
}

const losses: readonly LossDefinition[] = [
  { kind: 'softmax-cross-entropy' },
  { kind: 'binary-cross-entropy' },
  { kind: 'mean-squared-error' },
  { kind: 'huber', delta: 0.7 },
];

test.each(losses)('$kind and its gradient are those of its definition', async (definition) => {
  const property = fc.asyncProperty(
    fc.integer(),
    fc.integer({ min: 1, max: 5 }),
    fc.integer({ min: 2, max: 7 }),
    async (seed, batch, size) => {
      const normal = standardNormal(randomStream(seed, 0));
      const classes = definition.kind === 'softmax-cross-entropy';
      const outputs = Array.from({ length: batch * size }, () => Math.fround(2 * normal()));
      const targets = classes
        ? Array.from({ length: batch }, () => Math.floor(Math.abs(normal() * 10)) % size)
        : outputs.map(() => Math.fround(1 / (1 + Math.exp(normal()))));
      const scale = Array.from({ length: batch }, (_, at) => (at === 1 ? 0 : Math.fround(normal())));
      const { gradient, metrics } = await compute(definition, size, outputs, targets, scale);

      for (let example = 0; example < batch; example++) {
        const output = outputs.slice(example * size, (example + 1) * size);
        const target = classes ? [targets[example]] : targets.slice(example * size, (example + 1) * size);
        expect(metrics.loss[example]).toBeCloseTo(lossOf(definition, output, target), 5);
        for (let at = 0; at < size; at++) {
          const step = 1e-5;
          const moved = (by: number): number =>
            lossOf(
              definition,
              output.map((value, index) => (index === at ? value + by : value)),
              target,
            );
          const slope = (moved(step) - moved(-step)) / (2 * step);
          expect(gradient[example * size + at]).toBeCloseTo(scale[example] * slope, 4);
        }
      }
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test('softmax cross-entropy stays finite where probabilities underflow', async () => {
  const { gradient, metrics } = await compute({ kind: 'softmax-cross-entropy' }, 2, [500, -500], [1], [1]);
  expect(metrics.loss[0]).toBeCloseTo(1000, 3);
  expect([...gradient]).toEqual([1, -1]);
});

test('binary cross-entropy stays finite for large logits', async () => {
  const { gradient, metrics } = await compute({ kind: 'binary-cross-entropy' }, 2, [200, -200], [0, 0], [1]);
  expect(metrics.loss[0]).toBeCloseTo(100, 3);
  expect(gradient[0]).toBeCloseTo(0.5, 6);
  expect(metrics.accuracy[0]).toBe(0.5);
});

test('accuracy is 1 where the largest logit is the target', async () => {
  const { metrics } = await compute({ kind: 'softmax-cross-entropy' }, 3, [1, 3, 2, 5, 1, 0], [1, 2], [1, 1]);
  expect([...metrics.accuracy]).toEqual([1, 0]);
});

test('the absolute error of a regression is reported beside its loss', async () => {
  const { metrics } = await compute({ kind: 'mean-squared-error' }, 2, [1, 4], [0, 1], [1]);
  expect([...metrics.loss]).toEqual([5]);
  expect([...metrics.meanAbsoluteError]).toEqual([2]);
});

test('softmax cross-entropy refuses a model with one output, and says what to do', () => {
  expect(() => lossGraph({ kind: 'softmax-cross-entropy' }).targetShape([1])).toThrow(PlanError);
  expect(() => lossGraph({ kind: 'softmax-cross-entropy' }).targetShape([4, 4])).toThrow(
    /end it with a "dense" layer/,
  );
});
