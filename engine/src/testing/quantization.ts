/** What the tests of quantization share: the stored results of ONNX Runtime's quantizer, examples, and how far outputs differ. */
import { readFileSync } from 'node:fs';
import { fromTensor } from '../onnx/evaluation/index.js';
import { type Model, readModel, tensorOf } from '../onnx/index.js';
import type { ExampleSource } from '../runtimes/runtime.js';
import { runOnnxRuntime } from './run-onnxruntime.js';

export const oracleFile = (name: string): URL => new URL(`../../../test/oracles/${name}`, import.meta.url);

export interface QuantizationOracle {
  readonly model: string;
  readonly x: string;
  readonly static: {
    readonly activations: Readonly<Record<string, readonly [number, number]>>;
    readonly weights: Readonly<
      Record<string, { readonly integers: readonly number[]; readonly scales: readonly number[] }>
    >;
    readonly output: string;
    readonly exact: string;
  };
  readonly thresholds: Readonly<
    Record<
      string,
      {
        readonly percentile: readonly [number, number];
        readonly entropy: readonly [number, number];
        readonly migacz: number;
      }
    >
  >;
  readonly fourBits: { readonly weight: string; readonly packed: readonly number[]; readonly scales: string };
}

/** Made by test/oracles/quantization.py. */
export const oracle: QuantizationOracle = JSON.parse(readFileSync(oracleFile('quantization.json'), 'utf8'));

/** Numbers as the oracle has them: float32, little-endian, in base64. */
export function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return new Float32Array(bytes.buffer);
}

/** A convolution and a dense layer, which the other quantizer made into int8. */
export const small: Model = readModel(Uint8Array.from(Buffer.from(oracle.model, 'base64')));

/** Rows of features, and of each the class that `classOf` says. */
export function sourceOf(
  features: Float32Array,
  elements: number,
  classOf: (row: number) => number = () => 0,
): ExampleSource {
  return {
    count: features.length / elements,
    readFeatures(indices, out) {
      indices.forEach((row, at) => {
        out.set(features.subarray(row * elements, (row + 1) * elements), at * elements);
      });
    },
    readTargets(indices, out) {
      indices.forEach((row, at) => {
        out[at] = classOf(row);
      });
    },
  };
}

/** The first output of a model for `x` of `shape`. */
export async function outputOf(
  model: Model,
  x: Float32Array,
  shape: readonly number[],
): Promise<Float64Array> {
  const feeds = new Map([[model.graph.inputs[0].name, fromTensor(tensorOf('float32', shape, x))]]);
  const [output] = (await runOnnxRuntime(model, feeds)).values();
  return output.data;
}

export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
