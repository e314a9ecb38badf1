import type { UpdateEncoding } from './encoding.js';
import { checkFinite } from './little-endian.js';
import { createUpdateDecoder, type UpdateDecoder, type UpdateSink } from './update-decoder.js';

/** Checks a payload while it arrives, and measures it. */
export interface UpdateValidator extends UpdateDecoder {
  /** L2 norm of the elements so far, as they will be summed. */
  norm(): number;
}

/**
 * Checks a payload while it arrives, without keeping or adding anything: `push` each chunk as it is spooled, then
 * `finish`. What passed here can be folded and cannot fail half way. Throws `VectorError` `wrong-length`,
 * `not-finite` or `negative-scale`.
 */
export function createUpdateValidator(parameterCount: number, encoding: UpdateEncoding): UpdateValidator {
  let squares = 0;
  const sink: UpdateSink = {
    float32(values, from, to, element) {
      checkFinite(values, from, to, element - from);
      for (let i = from; i < to; i += 1) squares += values[i] * values[i];
    },
    // Every int8 is a value, and the decoder has checked the scale.
    quantized(values, from, to, _element, scale) {
      let levels = 0;
      for (let i = from; i < to; i += 1) levels += values[i] * values[i];
      squares += levels * scale * scale;
    },
  };
  return { ...createUpdateDecoder(parameterCount, encoding, sink), norm: () => Math.sqrt(squares) };
}

/** Checks a payload that is in memory as a whole. */
export function validateUpdate(payload: Uint8Array, parameterCount: number, encoding: UpdateEncoding): void {
  const validator = createUpdateValidator(parameterCount, encoding);
  validator.push(payload);
  validator.finish();
}
