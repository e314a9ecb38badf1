/**
 * Quantization that is right on average: QSGD's stochastic rounding (Alistarh et al. 2017, section 3.1), here with
 * 127 levels of either sign and the block's largest magnitude as its norm, so that no block of small values
 * drowns in another's large ones.
 *
 * A block is `scale: f32` and an `int8` q for each element; the value is q·scale. With y = x/scale, q is the
 * integer below or above y, above with probability y - floor(y): E[q·scale] = x, to within 2^-33 of a step.
 */
import type { Entropy } from '../ports/entropy.js';
import { alignedToWords } from './little-endian.js';

/** Bytes before the elements of a block. */
export const scaleBytes = 4;

/** The largest |q|; -128 is never written, so that the range is symmetric. */
const levels = 127;

/** Bytes of `parameterCount` elements in blocks of `blockSize`. */
export function stochasticLength(parameterCount: number, blockSize: number): number {
  return parameterCount + scaleBytes * Math.ceil(parameterCount / blockSize);
}

/** Encodes `delta`, whose elements must be finite; draws 4 bytes of `random` for each element. */
export function encodeStochastic(delta: Float32Array, blockSize: number, random: Entropy): Uint8Array {
  const out = new Uint8Array(stochasticLength(delta.length, blockSize));
  const quantized = new Int8Array(out.buffer);
  const header = new DataView(out.buffer);
  let position = 0;
  for (let start = 0; start < delta.length; start += blockSize) {
    const end = Math.min(delta.length, start + blockSize);
    const scale = scaleOf(largestMagnitude(delta, start, end));
    header.setFloat32(position, scale, true);
    position += scaleBytes;
    // A block of zeros draws too: what is drawn for an element depends on its place alone.
    const drawn = random.bytes(4 * (end - start));
    if (scale !== 0) quantizeBlock(delta, start, end, scale, drawn, quantized, position);
    position += end - start;
  }
  return out;
}

function largestMagnitude(delta: Float32Array, start: number, end: number): number {
  let largest = 0;
  for (let i = start; i < end; i += 1) {
    const magnitude = Math.abs(delta[i]);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

const scaleFloat = new Float32Array(1);
const scaleBits = new Uint32Array(scaleFloat.buffer);

/** The least f32 `s` with `127·s >= largest`, so that no quotient is beyond the levels. */
function scaleOf(largest: number): number {
  scaleFloat[0] = largest / levels;
  // The next f32 up: rounding may have gone below, all the way to 0 for subnormals.
  if (scaleFloat[0] * levels < largest) scaleBits[0] += 1;
  return scaleFloat[0];
}

function quantizeBlock(
  delta: Float32Array,
  start: number,
  end: number,
  scale: number,
  drawn: Uint8Array,
  out: Int8Array,
  position: number,
): void {
  const aligned = alignedToWords(drawn);
  const random = new Uint32Array(aligned.buffer, aligned.byteOffset, end - start);
  const inverse = 1 / scale;
  const shift = position - start;
  for (let i = start; i < end; i += 1) {
    // The threshold lies in the middle of its 2^-32 cell: its mean is exactly 1/2, and the reciprocal's last
    // bit cannot push ±127 over the edge.
    const threshold = (random[i - start] + 0.5) * 2 ** -32;
    out[i + shift] = Math.floor(delta[i] * inverse + threshold);
  }
}
