/** Bytes as the numbers they stand for: `value * scale + offset`, looked up, since there are few. */
import type { FeatureField } from './contract.js';

/** The number of every byte: `[256]`. */
export function byteTable({ scale, offset }: Pick<FeatureField, 'scale' | 'offset'>): Float32Array {
  return Float32Array.from({ length: 256 }, (_, value) => value * scale + offset);
}

/** Writes the numbers of `values[from..from+elements-1]`. Four at a time, which V8 does not do by itself and which is worth a third of the time. */
export function readBytes(
  values: ArrayLike<number>,
  from: number,
  elements: number,
  table: Float32Array,
  out: Float32Array,
  to: number,
): void {
  let j = 0;
  for (; j + 3 < elements; j += 4) {
    out[to + j] = table[values[from + j]];
    out[to + j + 1] = table[values[from + j + 1]];
    out[to + j + 2] = table[values[from + j + 2]];
    out[to + j + 3] = table[values[from + j + 3]];
  }
  for (; j < elements; j++) {
    out[to + j] = table[values[from + j]];
  }
}
