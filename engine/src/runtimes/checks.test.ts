import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstNonFinite } from './checks.js';

test('the first number that is not finite is found, wherever it is', () => {
  const property = fc.property(
    fc.float32Array({ noNaN: true, noDefaultInfinity: true }),
    fc.nat(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    (values, at, wrong) => {
      expect(firstNonFinite(values)).toBe(-1);
      if (values.length === 0) return;
      const place = at % values.length;
      expect(firstNonFinite(values.with(place, wrong))).toBe(place);
    },
  );
  fc.assert(property, { numRuns: 300 });
});
