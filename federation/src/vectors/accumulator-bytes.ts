import { type Accumulator, checkWhole } from './accumulator.js';
import { VectorError } from './errors.js';
import { type SealKind, seal, unseal } from './sealed-bytes.js';

const kind: SealKind = { magic: 'SACC', version: 1, what: 'accumulator' };

/** parameterCount, count, weight, magnitudeBound: four f64. */
const headerValues = 4;

/**
 * The accumulator as bytes for a durable checkpoint, to be written one part after the other before it is folded into
 * again: its sums are among the parts, not copied. Throws `VectorError` `half-folded`.
 */
export function serializeAccumulator(accumulator: Accumulator): readonly Uint8Array[] {
  checkWhole(accumulator);
  const { parameterCount, count, weight, magnitudeBound, sums } = accumulator;
  const header = Float64Array.of(parameterCount, count, weight, magnitudeBound);
  return seal(kind, [
    new Uint8Array(header.buffer),
    new Uint8Array(sums.buffer, sums.byteOffset, sums.byteLength),
  ]);
}

/**
 * The accumulator that was serialized, bit for bit; its sums may be a view of `bytes`, which are its own from now on. Throws `VectorError` `corrupt-bytes` when the bytes are damaged, of
 * another kind, or of another number of parameters than `parameterCount`.
 */
export function restoreAccumulator(bytes: Uint8Array, parameterCount: number): Accumulator {
  const body = unseal(kind, bytes);
  const values = new Float64Array(body.buffer, body.byteOffset, Math.floor(body.byteLength / 8));
  const [storedCount, count, weight, magnitudeBound] = values;
  if (storedCount !== parameterCount || body.byteLength !== 8 * (headerValues + parameterCount)) {
    throw new VectorError(
      'corrupt-bytes',
      `this accumulator is of ${storedCount} parameters, not of ${parameterCount}`,
    );
  }
  return {
    parameterCount,
    sums: values.subarray(headerValues),
    weight,
    count,
    magnitudeBound,
    openFolds: 0,
  };
}
