/** How much each layer by itself takes from a model's output when it is computed in integers. */
import type { ExampleSource } from '../runtimes/runtime.js';
import type { ValueRange } from './choose-range.js';
import { decibels } from './measure.js';
import { quantizationPoints } from './points.js';
import type { PreparedModel } from './prepare.js';
import { type RunOptions, runExamples } from './run-examples.js';
import { quantizeStatic, type StaticOptions } from './static.js';

export interface Sensitivity {
  readonly layer: string;
  /** Of the model's output with this layer alone in integers, in decibels: the lower, the more it matters. */
  readonly sqnr: number;
}

const examplesMax = 128;

/** The layers, the most sensitive first. */
export async function measureSensitivity(
  prepared: PreparedModel,
  ranges: ReadonlyMap<string, ValueRange>,
  examples: ExampleSource,
  options: RunOptions & StaticOptions = {},
): Promise<readonly Sensitivity[]> {
  const few = {
    examplesMax: Math.min(options.examplesMax ?? examplesMax, examplesMax),
    signal: options.signal,
  };
  const output = prepared.model.graph.outputs[0].name;
  const outputsOf = async (model: PreparedModel['model']): Promise<readonly Float32Array[]> => {
    const all: Float32Array[] = [];
    await runExamples(model, [], examples, few, ({ values }) => void all.push(values(output).slice()));
    return all;
  };
  const exact = await outputsOf(prepared.model);
  const found: Sensitivity[] = [];
  for (const { name } of prepared.layers) {
    const others = new Set(prepared.layers.flatMap((layer) => (layer.name === name ? [] : [layer.name])));
    const rounded = await outputsOf(
      quantizeStatic(prepared, quantizationPoints(prepared, others), ranges, options),
    );
    let [power, error] = [0, 0];
    for (const [batch, values] of exact.entries()) {
      for (let at = 0; at < values.length; at++) {
        power += values[at] ** 2;
        error += (values[at] - rounded[batch][at]) ** 2;
      }
    }
    found.push({ layer: name, sqnr: decibels(power, error) });
    options.onProgress?.(found.length, prepared.layers.length);
  }
  return found.sort((a, b) => a.sqnr - b.sqnr);
}
