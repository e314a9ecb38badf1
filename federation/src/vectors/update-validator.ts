import type { UpdateEncoding } from './encoding.js';
import { checkFinite } from './little-endian.js';
import { createUpdateDecoder, type UpdateDecoder, type UpdateSink } from './update-decoder.js';

const finiteOnly: UpdateSink = {
  float32(values, from, to, element) {
    checkFinite(values, from, to, element - from);
  },
  quantized() {
    // Every int8 is a value, and the decoder has checked the scale.
  },
};

/**
 * Checks a payload while it arrives, without keeping or adding anything: `push` each chunk as it is spooled, then
 * `finish`. What passed here can be folded and cannot fail half way. Throws `VectorError` `wrong-length`,
 * `not-finite` or `negative-scale`.
 */
export function createUpdateValidator(parameterCount: number, encoding: UpdateEncoding): UpdateDecoder {
  return createUpdateDecoder(parameterCount, encoding, finiteOnly);
}

/** Checks a payload that is in memory as a whole. */
export function validateUpdate(payload: Uint8Array, parameterCount: number, encoding: UpdateEncoding): void {
  const validator = createUpdateValidator(parameterCount, encoding);
  validator.push(payload);
  validator.finish();
}
