import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Accumulator } from './accumulator.js';
import { createAccumulator, mergeAccumulators } from './accumulator.js';
import { restoreAccumulator, serializeAccumulator } from './accumulator-bytes.js';
import { float32Encoding } from './encoding.js';
import { VectorError } from './errors.js';
import { foldUpdate } from './update-folder.js';

const bytesOf = (accumulator: Accumulator) =>
  new Uint8Array(Buffer.concat(serializeAccumulator(accumulator)));

const filled = (values: readonly number[]) => {
  const accumulator = createAccumulator(values.length);
  foldUpdate(accumulator, new Uint8Array(Float32Array.from(values).buffer), float32Encoding, 2.5);
  return accumulator;
};

test('what is restored is what was serialized, and goes on as it would have', () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 30 }), (values) => {
      const accumulator = filled(values);
      const restored = restoreAccumulator(bytesOf(accumulator), values.length);
      expect(restored).toEqual(accumulator);
      mergeAccumulators(accumulator, filled(values));
      mergeAccumulators(restored, filled(values));
      expect(restored).toEqual(accumulator);
    }),
  );
});

test('any changed byte and any missing end is noticed', () => {
  const bytes = bytesOf(filled([1, -2, 3]));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = bytes.slice();
      damaged[at] ^= change;
      expect(() => restoreAccumulator(damaged, 3)).toThrow(VectorError);
      expect(() => restoreAccumulator(bytes.subarray(0, at), 3)).toThrow(VectorError);
    }),
  );
  expect(restoreAccumulator(bytes, 3).count).toBe(1);
});

test('an accumulator of another model is refused', () => {
  expect(() => restoreAccumulator(bytesOf(filled([1, 2])), 3)).toThrow(
    expect.objectContaining({ code: 'corrupt-bytes' }),
  );
});

test('bytes that begin anywhere are restored, and aligned ones are not copied', () => {
  const bytes = bytesOf(filled([1, -2, 3]));
  for (let offset = 0; offset < 8; offset += 1) {
    const moved = new Uint8Array(bytes.length + offset).subarray(offset);
    moved.set(bytes);
    const { sums } = restoreAccumulator(moved, 3);
    expect([...sums]).toEqual([2.5, -5, 7.5]);
    expect(sums.buffer === moved.buffer).toBe(offset === 0);
  }
});

test('version 1 is laid out as documented', () => {
  const bytes = bytesOf(filled([2]));
  const view = new DataView(bytes.buffer);
  expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe('SACC');
  expect(view.getUint32(4, true)).toBe(1);
  expect(view.getBigUint64(8, true)).toBe(40n);
  // parameterCount, count, weight, magnitudeBound, then the one sum.
  expect([16, 24, 32, 40, 48].map((at) => view.getFloat64(at, true))).toEqual([1, 1, 2.5, 5, 5]);
  expect(bytes.length).toBe(16 + 40 + 32);
});
