import type { Entropy } from '../ports/entropy.js';
import { VectorError } from './errors.js';
import { checkFinite, float32Bytes } from './little-endian.js';
import { encodeStochastic, stochasticLength } from './stochastic-quantization.js';

/** Every element as little-endian f32. */
export interface Float32Encoding {
  readonly kind: 'float32';
}

/** Blocks of one little-endian f32 scale and an int8 for each element; see `stochastic-quantization.ts`. */
export interface StochasticQuantization {
  readonly kind: 'stochastic-quantization';
  readonly bits: 8;
  /** Elements that share one scale; the last block may be shorter. */
  readonly blockSize: number;
}

/** How an update travels. */
export type UpdateEncoding = Float32Encoding | StochasticQuantization;

export const float32Encoding: Float32Encoding = { kind: 'float32' };

/** 8 bits an element, 1,024 elements a scale: a quarter of the bytes of f32. */
export const stochastic8BitEncoding: StochasticQuantization = {
  kind: 'stochastic-quantization',
  bits: 8,
  blockSize: 1024,
};

const blockSizeMax = 65_536;

/** Throws `VectorError` `invalid-encoding` for settings that did not come from this code's own types. */
export function checkEncoding(encoding: UpdateEncoding): void {
  switch (encoding.kind) {
    case 'float32':
      return;
    case 'stochastic-quantization': {
      const { bits, blockSize } = encoding;
      if (bits !== 8) {
        throw new VectorError('invalid-encoding', `bits must be 8, got ${bits}`);
      }
      if (!Number.isInteger(blockSize) || blockSize < 1 || blockSize > blockSizeMax) {
        throw new VectorError(
          'invalid-encoding',
          `blockSize must be an integer in 1..${blockSizeMax}, got ${blockSize}`,
        );
      }
      return;
    }
    default:
      throw new VectorError(
        'invalid-encoding',
        `unknown encoding ${JSON.stringify(encoding)}; known are float32 and stochastic-quantization`,
      );
  }
}

/** Bytes of an encoded update of `parameterCount` elements. */
export function encodedLength(parameterCount: number, encoding: UpdateEncoding): number {
  checkEncoding(encoding);
  if (!Number.isSafeInteger(parameterCount) || parameterCount < 0) {
    throw new VectorError(
      'wrong-length',
      `a parameter count is a non-negative integer, got ${parameterCount}`,
    );
  }
  switch (encoding.kind) {
    case 'float32':
      return 4 * parameterCount;
    case 'stochastic-quantization':
      return stochasticLength(parameterCount, encoding.blockSize);
  }
}

/**
 * Encodes `delta`, `[parameterCount]` in manifest order. `random` decides the stochastic rounding: the same stream gives
 * the same bytes; f32 draws nothing from it. The f32 form is a view of `delta`, not a copy. Throws `VectorError` `not-finite`.
 */
export function encodeUpdate(delta: Float32Array, encoding: UpdateEncoding, random: Entropy): Uint8Array {
  checkEncoding(encoding);
  checkFinite(delta);
  switch (encoding.kind) {
    case 'float32':
      return float32Bytes(delta);
    case 'stochastic-quantization':
      return encodeStochastic(delta, encoding.blockSize, random);
  }
}
