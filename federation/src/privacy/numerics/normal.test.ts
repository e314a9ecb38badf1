import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { logNormalCdf, normalCdf } from './normal.js';

const oracle = JSON.parse(
  readFileSync(new URL('../../../../test/oracles/dp-epsilon.json', import.meta.url), 'utf8'),
) as { normal: { x: number; cdf: number; logCdf: number }[] };

test.each(oracle.normal)(
  'the distribution function at $x agrees with 60-digit arithmetic',
  ({ x, cdf, logCdf }) => {
    expect(Math.abs(normalCdf(x) / cdf - 1)).toBeLessThan(1e-13);
    // Where log is tiny, so is the absolute error.
    expect(Math.abs(logNormalCdf(x) - logCdf)).toBeLessThan(1e-15 + 1e-13 * Math.abs(logCdf));
  },
);
