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
}

/** Most elements of one input that are perturbed one by one. */
const elementsMax = 40;
const step = 1e-4;
/** The second-order error of central differences, and constants rounded to single precision. */
const tolerance = 2e-6;
const singleTolerance = 2e-4;

/** Fails unless the gradient graph gives the derivatives of Σ y·r for random r, here and in ONNX Runtime. */
export async function checkGradient({ inputs, build, seed }: GradientCase): Promise<void> {
  const builder = new GraphBuilder();
  const values = inputs.map(({ dataType, shape }, i) => builder.input(`x${i}`, dataType, shape));
  const y = build(builder, values);
  if (!isStatic(y.shape)) throw new Error('a case must have known shapes');
  const forward = builder.graph();
  const weights = builder.input('r', 'float32', y.shape);
  const gradients = differentiate(builder, { loss: y, withRespectTo: values, lossGradient: weights });

  const feeds = new Map(inputs.map((input, i): [string, Dense] => [`x${i}`, input]));
  const r = sample(y.shape, seed ^ 0x5bd1e995);
  feeds.set('r', r);
  const analytic = evaluate(builder.graph(), feeds);
  const loss = (): number => {
    const result = evaluate(forward, feeds).get(y.name);
    if (result === undefined) throw new Error('the forward graph gave nothing');
    expect(result.shape).toEqual(y.shape);
    return result.data.reduce((sum, element, i) => sum + element * r.data[i], 0);
  };

  inputs.forEach((input, i) => {
    const gradient = analytic.get(gradients[i].name);
    expect(gradient?.shape).toEqual(input.shape);
    for (const at of someOf(elementCount(input.shape), seed)) {
      const slope = centralDifference(input.data, at, loss);
      const given = gradient?.data[at] ?? Number.NaN;
      const error = Math.abs(given - slope) / (1 + Math.abs(slope));
      if (!(error <= tolerance)) {
        expect.fail(`d/dx${i}[${at}] is ${given}, but the differences say ${slope}`);
      }
    }
  });
  await compareWithOnnxRuntime(builder, [y, ...gradients], feeds, analytic);
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

function someOf(count: number, seed: number): readonly number[] {
  if (count <= elementsMax) return Array.from({ length: count }, (_, i) => i);
  const next = uniform(seed);
  return Array.from({ length: elementsMax }, () => Math.floor(next() * count));
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
