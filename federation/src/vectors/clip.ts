/** The L2 bound on what one device can add to a sum: what every privacy guarantee starts from. */
import { VectorError } from './errors.js';
import { checkFinite } from './little-endian.js';

export interface Clipped {
  /** L2 norm before clipping. */
  readonly norm: number;
  /** What every element was multiplied with: 1 where the norm was within the bound. */
  readonly factor: number;
}

/**
 * Scales `delta` down, in place, to an L2 norm of at most `bound`: δ·min(1, C/‖δ‖₂) (McMahan et al. 2018, "Learning
 * Differentially Private Recurrent Language Models", algorithm 1). The bound holds for the f32 values as they are
 * afterwards, so that rounding cannot carry a vector past it. Throws `VectorError` `not-finite`, and `invalid-bound`
 * unless the bound is a positive number.
 */
export function clipToNorm(delta: Float32Array, bound: number): Clipped {
  checkBound(bound);
  checkFinite(delta);
  const norm = l2Norm(delta);
  let factor = clipFactor(norm, bound);
  if (factor === 1) return { norm, factor };
  // Rounding each product to f32 can lengthen the vector by one part in 2^24 at most; one try more is always enough.
  scale(delta, factor);
  const rounded = l2Norm(delta);
  if (rounded > bound) {
    const again = (bound / rounded) * (1 - 2 ** -22);
    scale(delta, again);
    factor *= again;
  }
  return { norm, factor };
}

/**
 * √Σ δ², summed in doubles: squares of f32 neither vanish nor overflow. 0 for the empty vector. Four sums, so that
 * additions need not wait for each other.
 */
export function l2Norm(vector: Float32Array | Float64Array): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const whole = vector.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    a += vector[i] * vector[i];
    b += vector[i + 1] * vector[i + 1];
    c += vector[i + 2] * vector[i + 2];
    d += vector[i + 3] * vector[i + 3];
  }
  for (let i = whole; i < vector.length; i += 1) a += vector[i] * vector[i];
  return Math.sqrt(a + b + (c + d));
}

/** What a vector of this norm is multiplied with to be within `bound`: min(1, C/‖δ‖₂). */
export function clipFactor(norm: number, bound: number): number {
  return norm <= bound ? 1 : bound / norm;
}

/**
 * The weight, at most 1, with which an update of this norm stays within the bound: a multiple of 2^-20, as sums count;
 * 0 where the norm is more than 2^20 bounds, and no weight is small enough.
 */
export function weightWithin(norm: number, bound: number): number {
  checkBound(bound);
  if (norm <= bound) return 1;
  return Math.floor((bound / norm) * 2 ** 20) / 2 ** 20;
}

function checkBound(bound: number): void {
  if (bound > 0 && Number.isFinite(bound)) return;
  throw new VectorError('invalid-bound', `a clipping bound is a positive number, got ${bound}`);
}

function scale(vector: Float32Array, factor: number): void {
  for (let i = 0; i < vector.length; i += 1) vector[i] *= factor;
}
