/** Composition of privacy losses: the loss of several rounds is the sum of theirs, so that distributions convolve. */
import { createFourierTransform, mirrored } from '../numerics/fft.js';
import type { PrivacyLoss, PrivacyLossPair } from './privacy-loss.js';

/** The losses of one round, `rounds` times over. */
export interface RepeatedLoss {
  readonly losses: PrivacyLossPair;
  readonly rounds: number;
}

/** Probability that may be left out of a composed distribution; it is counted as an unbounded loss. */
const truncatedMass = 1e-15;

/** What rounding can hide, for each round raised to a power: the transform is exact to a few times 2^-53. */
export const roundingMass = 1e-15;

/** Indices between which the sum lies but for `truncatedMass`, and the loss of index 0, all in steps. */
export interface Window {
  readonly from: number;
  readonly length: number;
  readonly lowest: number;
}

/**
 * Composes all of `parts`, which share one step. Both directions travel through one transform, as the real and the
 * imaginary part of a complex sequence.
 */
export function composeLosses(parts: readonly RepeatedLoss[]): PrivacyLossPair {
  if (parts.length === 1 && parts[0].rounds === 1) return parts[0].losses;
  const remove = compositionWindow(parts, 'remove');
  const add = compositionWindow(parts, 'add');
  const longest = Math.max(
    remove.length,
    add.length,
    ...parts.map(({ losses }) => losses.remove.probabilities.length),
  );
  const size = 2 ** Math.ceil(Math.log2(longest));
  const transform = createFourierTransform(size);
  const re = new Float64Array(size).fill(1);
  const im = new Float64Array(size).fill(1);
  for (const { losses, rounds } of parts) {
    const partRe = new Float64Array(size);
    const partIm = new Float64Array(size);
    partRe.set(losses.remove.probabilities);
    partIm.set(losses.add.probabilities);
    transform.forward(partRe, partIm);
    multiplyByPower(re, im, partRe, partIm, rounds);
  }
  transform.inverse(re, im);
  return { remove: cut(re, remove, parts, 'remove'), add: cut(im, add, parts, 'add') };
}

/** Where the composed loss lies: Chernoff bounds over a range of orders. */
export function compositionWindow(parts: readonly RepeatedLoss[], direction: keyof PrivacyLossPair): Window {
  let lowest = 0;
  let until = 0;
  let longest = 0;
  for (const { losses, rounds } of parts) {
    const loss = losses[direction];
    lowest += rounds * loss.lowest;
    until += rounds * (loss.probabilities.length - 1);
    longest = Math.max(longest, loss.probabilities.length);
  }
  let from = 0;
  const logInverse = Math.log(2 / truncatedMass);
  for (let exponent = -4; exponent <= 14; exponent += 1) {
    const order = 2 ** (exponent / 2) / longest;
    until = Math.min(until, Math.ceil((logMoment(parts, direction, order) + logInverse) / order));
    from = Math.max(from, Math.floor(-(logMoment(parts, direction, -order) + logInverse) / order));
  }
  return { from, length: Math.max(1, until - from + 1), lowest };
}

/** log E[exp(order·index)] of the composed distribution; Horner's rule keeps it to one multiplication a point. */
function logMoment(parts: readonly RepeatedLoss[], direction: keyof PrivacyLossPair, order: number): number {
  const ratio = Math.exp(order);
  let sum = 0;
  for (const { losses, rounds } of parts) {
    const probabilities = losses[direction].probabilities;
    let moment = 0;
    for (let i = probabilities.length - 1; i >= 0; i -= 1) moment = moment * ratio + probabilities[i];
    sum += rounds * Math.log(moment);
  }
  return sum;
}

/**
 * `(re, im)` times `(partRe, partIm)` to the power of `rounds`, in the frequency domain and for both packed
 * sequences: with Z the transform of a + ib, A(k) = (Z(k) + Z̄(-k))/2 and iB(k) = (Z(k) - Z̄(-k))/2.
 * `re` and `im` hold A and B of what was multiplied so far in the same packing, or 1 in every place at the start.
 */
function multiplyByPower(
  re: Float64Array,
  im: Float64Array,
  partRe: Float64Array,
  partIm: Float64Array,
  rounds: number,
): void {
  const first = { re: 0, im: 0 };
  const second = { re: 0, im: 0 };
  for (let k = 0; k < re.length; k += 1) {
    const m = mirrored(k);
    if (m < k) continue;
    power(first, (partRe[k] + partRe[m]) / 2, (partIm[k] - partIm[m]) / 2, rounds);
    power(second, (partIm[k] + partIm[m]) / 2, (partRe[m] - partRe[k]) / 2, rounds);
    multiply(first, (re[k] + re[m]) / 2, (im[k] - im[m]) / 2);
    multiply(second, (im[k] + im[m]) / 2, (re[m] - re[k]) / 2);
    re[k] = first.re - second.im;
    im[k] = first.im + second.re;
    re[m] = first.re + second.im;
    im[m] = second.re - first.im;
  }
}

interface Complex {
  re: number;
  im: number;
}

function multiply(z: Complex, re: number, im: number): void {
  const product = z.re * re - z.im * im;
  z.im = z.re * im + z.im * re;
  z.re = product;
}

/** Sets `out` to (re + i·im)^exponent, by squaring. */
function power(out: Complex, re: number, im: number, exponent: number): void {
  out.re = 1;
  out.im = 0;
  let baseRe = re;
  let baseIm = im;
  for (let left = exponent; ; ) {
    if (left % 2 === 1) multiply(out, baseRe, baseIm);
    left = Math.floor(left / 2);
    if (left === 0) return;
    const square = baseRe * baseRe - baseIm * baseIm;
    baseIm = 2 * baseRe * baseIm;
    baseRe = square;
  }
}

/** The window of a cyclic result; what wrapped around is what the window leaves out. */
function cut(
  cyclic: Float64Array,
  window: Window,
  parts: readonly RepeatedLoss[],
  direction: keyof PrivacyLossPair,
): PrivacyLoss {
  const probabilities = new Float64Array(window.length);
  for (let i = 0; i < window.length; i += 1) probabilities[i] = cyclic[(window.from + i) % cyclic.length];
  let logFinite = 0;
  let allowance = truncatedMass;
  for (const { losses, rounds } of parts) {
    logFinite += rounds * Math.log1p(-losses[direction].infinite);
    allowance += rounds * roundingMass;
  }
  return {
    step: parts[0].losses[direction].step,
    lowest: window.lowest + window.from,
    probabilities,
    infinite: allowance - Math.expm1(logFinite),
  };
}
