import { expect, test } from 'vitest';
import { createSeededEntropy, uniform } from '../../ports/index.js';
import { javascriptRound, webAssemblyRound } from './rounding.js';

test('both implementations of rounding give the same integers', () => {
  const entropy = createSeededEntropy('rounding');
  for (const length of [1, 2, 3, 4, 5, 127, 16_384]) {
    const scaled = Float32Array.from({ length }, () => 200 * (uniform(entropy) - 0.5));
    const drawn = entropy.bytes(2 * length);
    for (const mask of [-1, 2 ** 13 - 1]) {
      const [one, other] = [new Int32Array(length), new Int32Array(length)];
      const error = javascriptRound(scaled, drawn, 1 / 0.37, mask, one);
      expect(webAssemblyRound?.(scaled, drawn, 1 / 0.37, mask, other)).toBeCloseTo(error, 6);
      expect(other).toEqual(one);
    }
  }
});
