import { expect, test } from 'vitest';
import { createSeededEntropy, uniform } from '../../ports/index.js';
import { hadamard, javascriptHadamard, webAssemblyHadamard } from './hadamard.js';

test('the transform is that of the Hadamard matrix', () => {
  for (const length of [1, 2, 4, 8, 64, 32_768]) {
    const entropy = createSeededEntropy(length);
    const vector = Float32Array.from({ length }, () => uniform(entropy) - 0.5);
    const result = vector.slice();
    const none = new Uint8Array(Math.ceil(length / 8));
    hadamard(result, none, none);
    for (let row = 0; row < length; row += Math.max(1, length >> 5)) {
      let expected = 0;
      for (let column = 0; column < length; column += 1) {
        let parity = 0;
        for (let both = row & column; both > 0; both &= both - 1) parity ^= 1;
        expected += parity === 1 ? -vector[column] : vector[column];
      }
      expect(result[row]).toBeCloseTo(expected / Math.sqrt(length), 4);
    }
  }
});

test('both implementations of the transform give the same bits', () => {
  for (let length = 32; length <= 65_536; length *= 2) {
    const entropy = createSeededEntropy(length);
    const vector = Float32Array.from({ length }, () => uniform(entropy) - 0.5);
    const other = vector.slice();
    const [before, after] = [entropy.bytes(length / 8), entropy.bytes(length / 8)];
    javascriptHadamard(vector, before, after);
    expect(webAssemblyHadamard(other, before, after)).toBe(true);
    expect(other).toEqual(vector);
  }
});
