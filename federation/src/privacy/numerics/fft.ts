/**
 * The discrete Fourier transform of 2^k complex numbers, in place: radix 2, decimation in frequency one way and
 * in time the other, so that a convolution needs no bit reversal in between.
 */
export interface FourierTransform {
  readonly size: number;
  /** Transforms `re + i·im`; the result is in bit-reversed order. */
  forward(re: Float64Array, im: Float64Array): void;
  /** Undoes `forward` (bit-reversed order in, natural order out), including the division by `size`. */
  inverse(re: Float64Array, im: Float64Array): void;
}

/** A transform of `size`, a power of two; its tables take 8 bytes an element. */
export function createFourierTransform(size: number): FourierTransform {
  if (!Number.isInteger(Math.log2(size)) || size < 1 || size > 2 ** 26) {
    throw new RangeError(`the size of a transform is a power of two up to 2^26, got ${size}`);
  }
  const half = size / 2;
  const cosines = new Float64Array(half);
  const sines = new Float64Array(half);
  for (let i = 0; i < half; i += 1) {
    cosines[i] = Math.cos((2 * Math.PI * i) / size);
    sines[i] = Math.sin((2 * Math.PI * i) / size);
  }

  const forward = (re: Float64Array, im: Float64Array): void => {
    for (let span = half, stride = 1; span >= 1; span >>= 1, stride <<= 1) {
      for (let start = 0; start < size; start += 2 * span) {
        for (let k = 0, t = 0; k < span; k += 1, t += stride) {
          const a = start + k;
          const b = a + span;
          const differenceRe = re[a] - re[b];
          const differenceIm = im[a] - im[b];
          re[a] += re[b];
          im[a] += im[b];
          // Times exp(-2πi·t/size).
          re[b] = differenceRe * cosines[t] + differenceIm * sines[t];
          im[b] = differenceIm * cosines[t] - differenceRe * sines[t];
        }
      }
    }
  };

  const inverse = (re: Float64Array, im: Float64Array): void => {
    for (let span = 1, stride = half; span < size; span <<= 1, stride >>= 1) {
      for (let start = 0; start < size; start += 2 * span) {
        for (let k = 0, t = 0; k < span; k += 1, t += stride) {
          const a = start + k;
          const b = a + span;
          // Times exp(+2πi·t/size).
          const turnedRe = re[b] * cosines[t] - im[b] * sines[t];
          const turnedIm = im[b] * cosines[t] + re[b] * sines[t];
          re[b] = re[a] - turnedRe;
          im[b] = im[a] - turnedIm;
          re[a] += turnedRe;
          im[a] += turnedIm;
        }
      }
    }
    const scale = 1 / size;
    for (let i = 0; i < size; i += 1) {
      re[i] *= scale;
      im[i] *= scale;
    }
  };

  return { size, forward, inverse };
}

/** The position of frequency `-k` for frequency `k` at `position`, both in the bit-reversed order of `forward`. */
export function mirrored(position: number): number {
  // -k is ~k + 1: up to the lowest set bit nothing changes, above it every bit flips. Reversed, that is: keep the
  // highest set bit and flip all below it.
  if (position < 2) return position;
  const top = 31 - Math.clz32(position);
  return position ^ ((1 << top) - 1);
}
