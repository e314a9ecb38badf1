/** Compares gradients with central differences in double precision, and with ONNX Runtime in single. */
import { expect } from 'vitest';
import { differentiate } from '../autodiff/index.js';
import type { Dense } from '../onnx/evaluation/index.js';
import { elementCount, GraphBuilder, isStatic, type Value } from '../onnx/index.js';
import { evaluate } from './reference-evaluator.js';
import { runOnnxRuntime } from './run-onnxruntime.js';
import { sample, uniform } from './samples.js';

export interface GradientCase {
  /** Each is an input of the graph and has its gradient checked. */
  readonly inputs: readonly Dense[];
  /** Adds the nodes under test. */
  readonly build: (builder: GraphBuilder, values: readonly Value[]) => Value;
  readonly seed: number;
  /** What another library computed in double precision. */
  readonly expected?: {
    /** What weights y in the sum that is differentiated, instead of random numbers. */
    readonly r: Dense;
    readonly y: Dense;
    /** Of each input. */
    readonly gradients: readonly (readonly number[])[];
  };
}

/** Most elements of one input that are perturbed one by one; fewer where another library says what all should be. */
const elementsMax = 40;
const elementsBesideOracleMax = 6;
const step = 1e-4;
/** The second-order error of central differences, and constants rounded to single precision. */
const tolerance = 2e-6;
const singleTolerance = 2e-4;
/** Constants of operators, such as the slope of a SELU, are rounded to single precision here, and in PyTorch are not. */
const oracleTolerance = 1e-6;

/** Fails unless the gradient graph gives the derivatives of Σ y·r for random r, here and in ONNX Runtime. */
export async function checkGradient({ inputs, build, seed, expected }: GradientCase): Promise<void> {
  const builder = new GraphBuilder();
  const values = inputs.map(({ dataType, shape }, i) => builder.input(`x${i}`, dataType, shape));
  const y = build(builder, values);
  if (!isStatic(y.shape)) throw new Error('a case must have known shapes');
  const forward = builder.graph();
  const weights = builder.input('r', 'float32', y.shape);
  const gradients = differentiate(builder, { loss: y, withRespectTo: values, lossGradient: weights });

  const feeds = new Map(inputs.map((input, i): [string, Dense] => [`x${i}`, input]));
  const r = expected?.r ?? sample(y.shape, seed ^ 0x5bd1e995);
  feeds.set('r', r);
  const analytic = evaluate(builder.graph(), feeds);
  const loss = (): number => {
    const result = evaluate(forward, feeds).get(y.name);
    if (result === undefined) throw new Error('the forward graph gave nothing');
    expect(result.shape).toEqual(y.shape);
    return result.data.reduce((sum, element, i) => sum + element * r.data[i], 0);
  };

  const most = expected === undefined ? elementsMax : elementsBesideOracleMax;
  inputs.forEach((input, i) => {
    const gradient = analytic.get(gradients[i].name);
    expect(gradient?.shape).toEqual(input.shape);
    for (const at of someOf(elementCount(input.shape), seed, most)) {
      const slope = centralDifference(input.data, at, loss);
      const given = gradient?.data[at] ?? Number.NaN;
      const error = Math.abs(given - slope) / (1 + Math.abs(slope));
      if (!(error <= tolerance)) {
        expect.fail(`d/dx${i}[${at}] is ${given}, but the differences say ${slope}`);
      }
    }
  });
  if (expected !== undefined) {
    expectClose(analytic.get(y.name), expected.y.data, 'the value');
    gradients.forEach(({ name }, i) => {
      expectClose(analytic.get(name), expected.gradients[i], `the gradient of input ${i}`);
    });
  }
  await compareWithOnnxRuntime(builder, [y, ...gradients], feeds, analytic);
}

function expectClose(actual: Dense | undefined, wanted: ArrayLike<number>, what: string): void {
  expect(actual?.data.length, what).toBe(wanted.length);
  actual?.data.forEach((value, at) => {
    if (!(Math.abs(value - wanted[at]) <= oracleTolerance * (1 + Math.abs(wanted[at])))) {
      expect.fail(`${what} is ${value} at ${at}, but the stored one ${wanted[at]}`);
    }
  });
}

function centralDifference(data: Float64Array, at: number, loss: () => number): number {
  const original = data[at];
  data[at] = original + step;
  const above = loss();
  data[at] = original - step;
  const below = loss();
  data[at] = original;
  return (above - below) / (2 * step);
}

function someOf(count: number, seed: number, most: number): readonly number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  const next = uniform(seed);
  return Array.from({ length: most }, () => Math.floor(next() * count));
}

async function compareWithOnnxRuntime(
  builder: GraphBuilder,
  values: readonly Value[],
  feeds: ReadonlyMap<string, Dense>,
  expected: ReadonlyMap<string, Dense>,
): Promise<void> {
  const outputs = values.map((value, i) => builder.output(value, `out${i}`));
  const results = await runOnnxRuntime(builder.build(), feeds);
  outputs.forEach(({ name, shape }, i) => {
    const [actual, reference] = [results.get(name), expected.get(values[i].name)];
    // What shape inference said is what ONNX Runtime made.
    expect(actual?.shape).toEqual(shape);
    const largest = reference?.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0) ?? 0;
    reference?.data.forEach((wanted, at) => {
      const error = Math.abs((actual?.data[at] ?? Number.NaN) - wanted);
      if (!(error <= singleTolerance * (1 + largest))) {
        expect.fail(`ONNX Runtime gives ${actual?.data[at]} for ${name}[${at}], the reference ${wanted}`);
      }
    });
  });
}
