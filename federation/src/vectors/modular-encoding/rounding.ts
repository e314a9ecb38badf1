import type { Entropy } from '../../ports/index.js';
import { compile } from '../../webassembly/index.js';
import { constants, roundingModule } from './rounding-module.js';

/** Elements that draw their chance at once. */
const drawnElements = 16_384;

/** What one piece of elements is rounded with: gives the squared L2 norm of the error, in steps. */
export type RoundPiece = (
  scaled: Float32Array,
  drawn: Uint8Array,
  inverse: number,
  mask: number,
  steps: Int32Array,
) => number;

/**
 * Stochastic rounding of `scaled` to multiples of `step`, into `steps`, which may share its memory: up with the
 * probability of what is left, so that the mean is right to within 2^-17 of a step. Of every integer the bits in `mask` stay;
 * all of them where it is -1. Gives the squared L2 norm of the error.
 */
export function roundStochastically(
  scaled: Float32Array,
  step: number,
  steps: Int32Array,
  entropy: Entropy,
  mask = -1,
): number {
  const inverse = 1 / step;
  let squares = 0;
  for (let start = 0; start < scaled.length; start += drawnElements) {
    const end = Math.min(scaled.length, start + drawnElements);
    const drawn = entropy.bytes(2 * (end - start));
    squares += roundPiece(scaled.subarray(start, end), drawn, inverse, mask, steps.subarray(start, end));
  }
  return squares * step * step;
}

/** One element after the other. */
export const javascriptRound: RoundPiece = (scaled, drawn, inverse, mask, steps) => {
  const words = halfWords(drawn);
  let squares = 0;
  for (let i = 0; i < scaled.length; i += 1) {
    const value = scaled[i] * inverse;
    // The threshold lies in the middle of its 2^-16 cell: the last bit of an element at the edge cannot push it over.
    const rounded = Math.floor(value + (words[i] + 0.5) * 2 ** -16);
    steps[i] = rounded & mask;
    const error = rounded - value;
    squares += error * error;
  }
  return squares;
};

function halfWords(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, bytes.length / 2);
}

const drawnAt = 4 * drawnElements;
const constantsAt = 6 * drawnElements;

/** The same in vectors of two doubles; undefined where there are none. Errors are summed in another order. */
export const webAssemblyRound: RoundPiece | undefined = (() => {
  const exports = compile<'round'>(roundingModule(Math.ceil((constantsAt + constants.bytes) / 65_536)))?.();
  if (exports === undefined) return undefined;
  const { buffer } = exports.memory;
  const floats = new Float32Array(buffer, 0, drawnElements);
  const integers = new Int32Array(buffer, 0, drawnElements);
  const words = new Uint8Array(buffer, drawnAt, 2 * drawnElements);
  const view = new DataView(buffer, constantsAt);
  return (scaled, drawn, inverse, mask, steps) => {
    const { length } = scaled;
    // The last vector may be filled up with zeros, which are exact: their errors are 0.
    floats.fill(0, length, Math.ceil(length / 4) * 4);
    floats.set(scaled);
    words.set(drawn);
    view.setFloat64(constants.inverse, inverse, true);
    view.setInt32(constants.mask, mask, true);
    view.setFloat64(constants.squares, 0, true);
    view.setFloat64(constants.squares + 8, 0, true);
    exports.round(Math.ceil(length / 4) * 16, drawnAt, constantsAt);
    steps.set(integers.subarray(0, length));
    return view.getFloat64(constants.squares, true) + view.getFloat64(constants.squares + 8, true);
  };
})();

const roundPiece = webAssemblyRound ?? javascriptRound;
