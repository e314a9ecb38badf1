import {
  type Accumulator,
  addFloat32,
  addQuantized,
  checkWhole,
  countUpdate,
  roundWeight,
} from './accumulator.js';
import type { UpdateEncoding } from './encoding.js';
import { VectorError } from './errors.js';
import { firstNotFinite } from './little-endian.js';
import { createUpdateDecoder, type UpdateDecoder } from './update-decoder.js';
import { validateUpdate } from './update-validator.js';

/**
 * Folds one update, whose payload `createUpdateValidator` has passed, into `accumulator`: `push` its chunks, of any
 * size, then `finish`, which counts it. Should it fail all the same (the spool changed underneath), the accumulator
 * is marked `halfFolded`, and everything that would use its sums throws. Throws `VectorError` `invalid-weight`
 * before anything changed.
 */
export function createUpdateFolder(
  accumulator: Accumulator,
  encoding: UpdateEncoding,
  weight: number,
): UpdateDecoder {
  checkWhole(accumulator);
  const { sums, parameterCount } = accumulator;
  const rounded = roundWeight(weight);
  let largest = 0;
  let finished = false;
  const decoder = createUpdateDecoder(parameterCount, encoding, {
    float32(values, from, to, element) {
      const here = addFloat32(sums, values, from, to, element, rounded);
      if (!Number.isFinite(here)) {
        const index = firstNotFinite(values, from, to) - from + element;
        throw new VectorError('not-finite', `element ${index} is not finite`, index);
      }
      largest = Math.max(largest, here);
    },
    quantized(values, from, to, element, scale) {
      largest = Math.max(largest, addQuantized(sums, values, from, to, element, scale, rounded));
    },
  });

  return {
    push(chunk) {
      checkUnfinished(finished);
      guarded(accumulator, () => decoder.push(chunk));
    },
    finish() {
      checkUnfinished(finished);
      guarded(accumulator, () => decoder.finish());
      finished = true;
      countUpdate(accumulator, rounded, largest);
    },
  };
}

function checkUnfinished(finished: boolean): void {
  if (finished) throw new VectorError('wrong-length', 'this update is folded already');
}

function guarded(accumulator: Accumulator, step: () => void): void {
  try {
    step();
  } catch (error) {
    accumulator.halfFolded = true;
    throw error;
  }
}

/**
 * Validates, then folds a payload that is in memory as a whole; when it throws, `accumulator` is as it was. Throws
 * `VectorError` `wrong-length`, `not-finite`, `negative-scale`, `invalid-weight` or `half-folded`.
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
