import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRotation, rotate, rotateBack } from './rotation.js';

test('a rotation keeps norms, spreads energy, and is undone', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer(), (length, seed) => {
      const rotation = createRotation(length, Uint8Array.of(seed & 255, (seed >> 8) & 255));
      const vector = new Float32Array(length);
      vector[((seed % length) + length) % length] = 1;
      const spread = vector.slice();
      rotate(spread, rotation);
      expect(Math.hypot(...spread)).toBeCloseTo(1, 4);
      expect(Math.max(...spread.map(Math.abs))).toBeLessThanOrEqual(6 / Math.sqrt(rotation.span));
      rotateBack(spread, rotation);
      expect(Math.hypot(...spread.map((element, i) => element - vector[i]))).toBeLessThan(1e-5);
    }),
    { numRuns: 60 },
  );
});
