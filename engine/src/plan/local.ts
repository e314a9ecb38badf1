/**
 * What a device keeps to itself: parameters that are trained with the others, but are in no checkpoint and no update, such as
 * batch normalisation in FedBN (Li et al. 2021, "Federated Learning on Non-IID Features via Local Batch Normalization").
 */
import type { LocalParameters } from '../models/trainable.js';
import { PlanError } from './errors.js';
import type { LocalLayout, Plan } from './manifest.js';
import { planFileNames } from './names.js';

export function localLayout({ parameters, start }: LocalParameters): LocalLayout {
  return { parameters, count: start.length };
}

/** The file that says what every device starts from. */
export function localFile({ start }: LocalParameters): Uint8Array {
  const bytes = new Uint8Array(4 * start.length);
  const view = new DataView(bytes.buffer);
  start.forEach((value, index) => void view.setFloat32(4 * index, value, true));
  return bytes;
}

/**
 * What every device starts from, `[local.count]`; undefined where it keeps nothing to itself.
 * @throws PlanError `plan/tampered` where the file is not as long as the manifest says, or holds what is no number
 */
export function localStart({ manifest, files }: Plan): Float32Array | undefined {
  if (manifest.local === undefined) return undefined;
  const { count } = manifest.local;
  const bytes = files.get(planFileNames.local);
  if (bytes?.byteLength !== 4 * count) {
    throw new PlanError(
      'plan/tampered',
      `${planFileNames.local} has ${bytes?.byteLength ?? 0} bytes, but ${count} numbers take ${4 * count}; fetch the plan again`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const start = Float32Array.from({ length: count }, (_, index) => view.getFloat32(4 * index, true));
  if (start.every(Number.isFinite)) return start;
  throw new PlanError(
    'plan/tampered',
    `${planFileNames.local} holds numbers that are not finite; fetch the plan again`,
  );
}
