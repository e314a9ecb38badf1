/** A forward pass trained as it is and in the forms that train fastest, side by side. */
import { expect } from 'vitest';
import { differentiate, forTraining } from '../autodiff/index.js';
import type { Dense } from '../onnx/evaluation/index.js';
import { GraphBuilder, type Value } from '../onnx/index.js';
import { runOnnxRuntime } from './run-onnxruntime.js';
import { sample } from './samples.js';

/** Inputs of a graph under test: features first, then parameters. */
type Inputs = readonly Dense[];
type Build = (b: GraphBuilder, values: readonly Value[]) => Value;

/** The result and all gradients, each operator trained as it is or in its form. */
async function trained(inputs: Inputs, build: Build, forms: boolean) {
  const b = new GraphBuilder();
  const values = inputs.map(({ shape }, index) => b.input(`x${index}`, 'float32', shape));
  const forward = forms ? b.subgraph('forward') : b;
  const result = build(forward, values);
  const y = forms ? forTraining(b, forward, [result], values[0])[0] : result;
  const weights = b.input('r', 'float32', y.shape);
  const gradients = differentiate(b, { loss: y, withRespectTo: values, lossGradient: weights });
  [y, ...gradients].forEach((value, index) => {
    b.output(value, `out${index}`);
  });
  const feeds = new Map(inputs.map((input, index): [string, Dense] => [`x${index}`, input]));
  feeds.set('r', sample(y.shape.map(Number), 99));
  const results = await runOnnxRuntime(b.build(), feeds);
  return { results, operators: b.nodes.map(({ opType }) => opType) };
}

/** How far the forms are from the plain graph, each as a share of the plain one's norm, and the operators they consist of. */
export interface TrainingComparison {
  readonly result: number;
  /** By input, examples first. */
  readonly gradients: readonly number[];
  readonly operators: readonly string[];
}

/** Trains both. The first input is the examples. */
export async function compareTraining(inputs: Inputs, build: Build): Promise<TrainingComparison> {
  const [plain, formed] = [await trained(inputs, build, false), await trained(inputs, build, true)];
  const [result, ...gradients] = [...plain.results].map(([name, expected]) => {
    const actual = formed.results.get(name);
    expect(actual?.shape, name).toEqual(expected.shape);
    const size = Math.hypot(...expected.data);
    const error = Math.hypot(...expected.data.map((value, i) => value - (actual?.data[i] ?? Number.NaN)));
    return size === 0 ? error : error / size;
  });
  return { result, gradients, operators: formed.operators };
}

/** The same numbers up to `tolerance` of their norm, and the operators the forms were to replace. The first input is the examples. */
export async function expectSameTraining(
  inputs: Inputs,
  build: Build,
  tolerance = 2e-6,
): Promise<readonly string[]> {
  const { result, gradients, operators } = await compareTraining(inputs, build);
  [result, ...gradients].forEach((error, index) => {
    expect(error, index === 0 ? 'result' : `gradient of input ${index - 1}`).toBeLessThan(tolerance);
  });
  return operators;
}
