import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../ports/index.js';
import { encodeUpdate, float32Encoding, stochastic8BitEncoding, type UpdateEncoding } from './encoding.js';
import { VectorError } from './errors.js';
import { createUpdateValidator, validateUpdate } from './update-validator.js';

const encodings = fc.constantFrom<UpdateEncoding>(float32Encoding, stochastic8BitEncoding, {
  kind: 'stochastic-quantization',
  bits: 8,
  blockSize: 3,
});

/** Pushes `payload` in chunks whose sizes repeat `sizes`, each a copy at an odd or even address, and finishes. */
function validateInChunks(
  payload: Uint8Array,
  sizes: readonly number[],
  parameterCount: number,
  encoding: UpdateEncoding,
): void {
  const validator = createUpdateValidator(parameterCount, encoding);
  let position = 0;
  for (let i = 0; position < payload.length; i += 1) {
    const size = sizes[i % sizes.length];
    const moved = new Uint8Array(size + 8).subarray(i % 5);
    const part = payload.subarray(position, position + size);
    moved.set(part);
    validator.push(moved.subarray(0, part.length));
    position += size;
  }
  validator.finish();
}

function errorOf(action: () => void): VectorError | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof VectorError) return error;
    throw error;
  }
  return undefined;
}

const chunkSizes = fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 4 });
const deltas = fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 40 });

test('what was encoded passes, in chunks of any size', () => {
  fc.assert(
    fc.property(deltas, encodings, chunkSizes, (delta, encoding, sizes) => {
      const payload = encodeUpdate(delta, encoding, createSeededEntropy(1));
      validateInChunks(payload, sizes, delta.length, encoding);
    }),
  );
});

test('a payload that is too short or too long is refused', () => {
  fc.assert(
    fc.property(
      deltas,
      encodings,
      chunkSizes,
      fc.integer({ min: -9, max: 9 }),
      (delta, encoding, sizes, change) => {
        const payload = encodeUpdate(delta, encoding, createSeededEntropy(1));
        const length = Math.max(0, payload.length + change);
        fc.pre(length !== payload.length);
        const wrong = new Uint8Array(length);
        wrong.set(payload.subarray(0, length));
        const error = errorOf(() => validateInChunks(wrong, sizes, delta.length, encoding));
        expect(error?.code).toBe('wrong-length');
      },
    ),
  );
});

test('NaN and infinity are found at their index, in chunks of any size', () => {
  fc.assert(
    fc.property(
      deltas.filter((delta) => delta.length > 0),
      fc.nat(),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
      chunkSizes,
      (delta, place, bad, sizes) => {
        const index = place % delta.length;
        const bytes = new Uint8Array(Float32Array.from(delta).fill(bad, index, index + 1).buffer);
        const error = errorOf(() => validateInChunks(bytes, sizes, delta.length, float32Encoding));
        expect(error).toMatchObject({ code: 'not-finite', index });
      },
    ),
  );
});

test('a signalling NaN and every other pattern with a full exponent is not finite', () => {
  for (const bits of [0x7f800001, 0x7fbfffff, 0x7fc00000, 0xff800001, 0xffffffff, 0x7f800000]) {
    const bytes = new Uint8Array(Uint32Array.of(0, bits).buffer);
    expect(errorOf(() => validateUpdate(bytes, 2, float32Encoding))).toMatchObject({
      code: 'not-finite',
      index: 1,
    });
  }
});

test('a scale that is not finite or negative is refused with its block', () => {
  const encoding = { kind: 'stochastic-quantization', bits: 8, blockSize: 3 } as const;
  const cases = [
    [Number.NaN, 'not-finite'],
    [Number.POSITIVE_INFINITY, 'not-finite'],
    [-1e-9, 'negative-scale'],
  ] as const;
  for (const [scale, code] of cases) {
    const payload = encodeUpdate(new Float32Array(7), encoding, createSeededEntropy(1));
    // Blocks of 3 elements are 7 bytes.
    new DataView(payload.buffer).setFloat32(7, scale, true);
    expect(errorOf(() => validateUpdate(payload, 7, encoding))).toMatchObject({ code, index: 3 });
    expect(errorOf(() => validateInChunks(payload, [1], 7, encoding))).toMatchObject({ code });
  }
});
