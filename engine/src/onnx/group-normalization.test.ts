import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkGradient } from '../testing/gradient-check.js';
import { sample, seeds } from '../testing/samples.js';
import { GraphBuilder, groupNormalization } from './index.js';

test('its gradients are right for any groups, over one or two spatial axes or none', async () => {
  const cases = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 2, max: 3 }),
    spatial: fc.constantFrom([], [3], [2, 2]),
    seed: seeds,
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ batch, groups, perGroup, spatial, seed }) => {
      const channels = groups * perGroup;
      await checkGradient({
        inputs: [
          sample([batch, channels, ...spatial], seed),
          sample([channels], seed + 1),
          sample([channels], seed + 2),
        ],
        build: (b, [x, weight, bias]) => groupNormalization(b, x, weight, bias, { groups, epsilon: 0.1 }),
        seed,
      });
    }),
    { numRuns: 10 },
  );
});

test('channels that do not divide are refused', () => {
  const b = new GraphBuilder();
  const [x, w] = [b.input('x', 'float32', ['batch', 3, 2]), b.input('w', 'float32', [3])];
  expect(() => groupNormalization(b, x, w, w, { groups: 2, epsilon: 1e-5 })).toThrow(
    expect.objectContaining({ code: 'onnx/shape' }),
  );
});
