import { createSeededEntropy } from '@starling/federation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffWindow } from './backoff.js';
import { drawFrom } from './shell.js';

const settings = { firstMs: 500, mostMs: 60_000 };

test('the window doubles with each failure up to its greatest width', () => {
  const widths = [1, 2, 3, 7, 8, 1000].map((failures) => backoffWindow(settings, failures).latestMs);
  expect(widths).toEqual([500, 1000, 2000, 32_000, 60_000, 60_000]);
});

test('however often it failed and whatever the coordinator asks, the window is bounded and not behind', () => {
  const any = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(
    fc.property(any, fc.integer({ min: -10, max: 2 ** 32 }), (failures, retryAfterMs) => {
      const { earliestMs, latestMs } = backoffWindow(settings, failures, retryAfterMs);
      expect(earliestMs).toBeGreaterThanOrEqual(0);
      expect(earliestMs).toBeLessThanOrEqual(settings.mostMs);
      expect(latestMs).toBeGreaterThan(earliestMs);
      expect(latestMs).toBeLessThanOrEqual(2 * settings.mostMs);
      expect(earliestMs).toBeGreaterThanOrEqual(Math.min(retryAfterMs, settings.mostMs));
    }),
  );
});

test('the moment is drawn from all of the window', () => {
  const entropy = createSeededEntropy(1);
  const window = { earliestMs: 100, latestMs: 300 };
  const drawn = Array.from({ length: 1000 }, () => drawFrom(window, entropy));
  expect(drawn.every((ms) => ms >= 100 && ms <= 300)).toBe(true);
  const quarters = [0, 1, 2, 3].map(
    (quarter) => drawn.filter((ms) => Math.min(3, Math.floor((ms - 100) / 50)) === quarter).length,
  );
  // 250 each; five standard deviations are 68.
  expect(quarters.every((count) => Math.abs(count - 250) < 68)).toBe(true);
});
