import { type Accumulator, addFloat32, addQuantized, countUpdate, roundWeight } from './accumulator.js';
import type { UpdateEncoding } from './encoding.js';
import { VectorError } from './errors.js';
import { checkFinite } from './little-endian.js';
import { checkLength } from './manifest.js';
import { createUpdateDecoder, type UpdateDecoder } from './update-decoder.js';
import { validateUpdate } from './update-validator.js';

/**
 * Folds one update, whose payload `createUpdateValidator` has passed, into `accumulator`: `push` its chunks, of any
 * size, then `finish`, which counts it. Several folds may take turns. From the first `push` to `finish` the fold is
 * open, and nothing gives the sums out; should it fail all the same (the spool changed underneath), it stays open, so
 * that half an update can never count. Throws `VectorError` `invalid-weight` before anything changed.
 */
export function createUpdateFolder(
  accumulator: Accumulator,
  encoding: UpdateEncoding,
  weight: number,
): UpdateDecoder {
  const { sums, parameterCount } = accumulator;
  const rounded = roundWeight(weight);
  let largest = 0;
  let stage: 'new' | 'open' | 'failed' | 'finished' = 'new';
  const decoder = createUpdateDecoder(parameterCount, encoding, {
    float32(values, from, to, element) {
      const here = addFloat32(sums, values, from, to, element, rounded);
      if (!Number.isFinite(here)) checkFinite(values, from, to, element - from);
      largest = Math.max(largest, here);
    },
    quantized(values, from, to, element, scale) {
      largest = Math.max(largest, addQuantized(sums, values, from, to, element, scale, rounded));
    },
  });

  const checkUsable = (): void => {
    if (stage === 'finished') throw new VectorError('wrong-length', 'this update is folded already');
    if (stage === 'failed') throw new VectorError('half-folded', 'this fold failed already');
  };

  return {
    push(chunk) {
      checkUsable();
      if (stage === 'new') accumulator.openFolds += 1;
      stage = 'failed';
      decoder.push(chunk);
      stage = 'open';
    },
    finish() {
      checkUsable();
      decoder.finish();
      if (stage === 'open') accumulator.openFolds -= 1;
      stage = 'finished';
      countUpdate(accumulator, rounded, largest);
    },
  };
}

/**
 * Adds one update that never was bytes, as a simulation has it: what `foldUpdate` of its float32 form would do, bit for
 * bit. Throws `VectorError` `invalid-weight` before anything changed, `not-finite` when `accumulator` must be thrown away.
 */
export function foldDelta(accumulator: Accumulator, delta: Float32Array, weight: number): void {
  checkLength(delta, accumulator.parameterCount);
  const rounded = roundWeight(weight);
  const largest = addFloat32(accumulator.sums, delta, 0, delta.length, 0, rounded);
  if (!Number.isFinite(largest)) checkFinite(delta);
  countUpdate(accumulator, rounded, largest);
}

/**
 * Validates, then folds a payload that is in memory as a whole; when it throws, `accumulator` is as it was. Throws
 * `VectorError` `wrong-length`, `not-finite`, `negative-scale` or `invalid-weight`.
 */
export function foldUpdate(
  accumulator: Accumulator,
  payload: Uint8Array,
  encoding: UpdateEncoding,
  weight: number,
): void {
  validateUpdate(payload, accumulator.parameterCount, encoding);
  const folder = createUpdateFolder(accumulator, encoding, weight);
  folder.push(payload);
  folder.finish();
}
