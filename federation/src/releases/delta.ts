/**
 * What a device must be sent of a model where it has the one before: the differences of their bytes, deflated. Models of one
 * shape have each weight at the same place, and most integers of it move by little or not at all. Chunks found by their
 * hashes save nothing there: hardly any 1,024 weights in a row stay as they were.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { ReleaseError } from './errors.js';

/** A delta is worth its file where it saves this share of the whole. */
const savingMin = 0.1;

/** Undefined where sending the whole costs about as much. */
export function makeDelta(before: Uint8Array, after: Uint8Array): Uint8Array | undefined {
  const differences = new Uint8Array(after.byteLength);
  // Typed arrays keep the low byte; beyond the end of `before` all is difference.
  for (let at = 0; at < differences.length; at++) differences[at] = after[at] - (before[at] ?? 0);
  const delta = deflateRawSync(differences, { level: constants.Z_BEST_COMPRESSION });
  return delta.byteLength <= after.byteLength * (1 - savingMin) ? delta : undefined;
}

/**
 * The model that a delta was made for; whoever calls checks its hash.
 *
 * @param sizeBytes of the result: no more is inflated
 * @throws ReleaseError `RELEASE_MALFORMED` where it is no delta of a model of that size
 */
export function applyDelta(
  before: Uint8Array,
  delta: Uint8Array,
  sizeBytes: number,
): Uint8Array<ArrayBuffer> {
  let differences: Uint8Array;
  try {
    differences = inflateRawSync(delta, { maxOutputLength: Math.max(1, sizeBytes) });
  } catch (error) {
    throw new ReleaseError('RELEASE_MALFORMED', 'A delta of the releases cannot be inflated.', error);
  }
  if (differences.byteLength !== sizeBytes) {
    const message = `A delta of the releases is of ${differences.byteLength} bytes where ${sizeBytes} are named.`;
    throw new ReleaseError('RELEASE_MALFORMED', message);
  }
  const after = new Uint8Array(sizeBytes);
  for (let at = 0; at < sizeBytes; at++) after[at] = (before[at] ?? 0) + differences[at];
  return after;
}

const deltaPattern = /^model\.from-([1-9]\d{0,9})\.delta$/;

/** Beside a release's `model.onnx`, for devices that have version `from` of it. */
export function deltaFile(from: number): string {
  return `model.from-${from}.delta`;
}

/** The version that a file of a release is a delta from; undefined where it is none. */
export function deltaFrom(file: string): number | undefined {
  const from = deltaPattern.exec(file)?.[1];
  return from === undefined ? undefined : Number(from);
}
