import { expect, test } from 'vitest';
import { checkFinite, float32Bytes, float32FromBytes } from './little-endian.js';

test('bytes are a view of the vector, little-endian', () => {
  const vector = Float32Array.of(0, 1, -2.5).subarray(1);
  const bytes = float32Bytes(vector);
  expect([...bytes]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0]);
  expect(bytes.buffer).toBe(vector.buffer);
});

test('a checkpoint is read at any alignment', () => {
  const bytes = float32Bytes(Float32Array.of(1, -2.5, 3));
  for (let shift = 0; shift < 5; shift += 1) {
    for (const memory of [new Uint8Array(20), Buffer.alloc(20)]) {
      const moved = memory.subarray(shift, shift + 12);
      moved.set(bytes);
      expect([...float32FromBytes(moved, 3)]).toEqual([1, -2.5, 3]);
    }
  }
});

test('a checkpoint of the wrong length or with NaN is refused', () => {
  const bytes = float32Bytes(Float32Array.of(1, Number.NaN));
  expect(() => float32FromBytes(bytes, 3)).toThrow(expect.objectContaining({ code: 'wrong-length' }));
  expect(() => float32FromBytes(bytes, 2)).toThrow(expect.objectContaining({ code: 'not-finite', index: 1 }));
});

test('the largest and smallest finite values are finite', () => {
  checkFinite(Float32Array.of(3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0));
});
