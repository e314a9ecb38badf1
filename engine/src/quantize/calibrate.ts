/** Runs a model over examples and counts what its activations are. */
import type { ExampleSource } from '../runtimes/runtime.js';
import type { PreparedModel } from './prepare.js';
import { localLayout, RangeSketch, type SketchLayout } from './range-sketch.js';
import { type RunOptions, runExamples } from './run-examples.js';

export interface CalibrateOptions extends RunOptions {
  readonly layout?: SketchLayout;
}

/**
 * A sketch of each tensor's values over the examples, by name. Memory is bounded whatever the examples: a batch's
 * activations and the sketches.
 * @throws QuantizeError `quantize/calibration` where there are no examples or an activation is not finite
 */
export async function calibrate(
  { model, valueNamed }: PreparedModel,
  tensors: readonly string[],
  examples: ExampleSource,
  options: CalibrateOptions = {},
): Promise<ReadonlyMap<string, RangeSketch>> {
  const sketches = new Map(tensors.map((name) => [name, new RangeSketch(options.layout ?? localLayout)]));
  await runExamples(model, tensors.map(valueNamed), examples, options, ({ values }) => {
    for (const [name, sketch] of sketches) sketch.add(values(name));
  });
  return sketches;
}
