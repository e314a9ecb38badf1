/** The int8 form of a checkpoint that was trained with quantization. */
import { readModel, writeModel } from '../onnx/index.js';
import { exportModel } from '../plan/export-model.js';
import type { Plan } from '../plan/manifest.js';
import { rangesName } from '../plan/names.js';
import { trainedRanges } from './aware.js';
import { compact } from './compact.js';
import { QuantizeError } from './errors.js';
import { calibratedTensors, quantizationPoints } from './points.js';
import { prepare } from './prepare.js';
import { quantizeStatic } from './static.js';

/**
 * The model in int8 with the ranges that training found: it gives what the plan's forward pass gives, to rounding. No
 * calibration is needed.
 * @param parameters `[parameterCount]`, in manifest order
 * @throws QuantizeError `quantize/options` where the plan does not train with quantization
 */
export function exportQuantized(
  plan: Plan,
  parameters: Float32Array,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entry = plan.manifest.parameters.find(({ name }) => name === rangesName);
  if (entry === undefined) {
    throw new QuantizeError(
      'quantize/options',
      'the plan was not made for quantization; compile it with quantization, or quantize the exported model by calibration',
    );
  }
  const prepared = prepare(readModel(exportModel(plan, parameters, metadata)));
  const points = quantizationPoints(prepared);
  const tensors = calibratedTensors(points);
  if (entry.shape[0] !== tensors.length) {
    throw new QuantizeError(
      'quantize/options',
      `the plan has ${entry.shape[0]} ranges for ${tensors.length} activations; compile it again with this version`,
    );
  }
  const ranges = parameters.subarray(entry.offset, entry.offset + 2 * tensors.length);
  return writeModel(compact(quantizeStatic(prepared, points, trainedRanges(ranges, tensors))));
}
