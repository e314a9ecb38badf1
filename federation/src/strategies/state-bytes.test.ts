import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAccumulator, serializeAccumulator, VectorError } from '../vectors/index.js';
import { parseStrategy } from './parse.js';
import { strategyKinds, strategyOf } from './registry.js';
import { restoreStrategyState, serializeStrategyState } from './state-bytes.js';

test.each(strategyKinds)('%s goes on from its stored state exactly as it would have', (kind) => {
  fc.assert(
    fc.property(
      fc.float32Array({ min: -1, max: 1, noNaN: true, maxLength: 12 }),
      fc.nat(1_000_000),
      (delta, round) => {
        const strategy = strategyOf(parseStrategy(kind));
        const start = new Float32Array(delta.length);
        const { state, checkpoint } = strategy.apply(strategy.initialize(delta.length), start, delta, round);
        const restored = restoreStrategyState(serializeStrategyState(state));
        expect(restored).toEqual(state);
        expect(strategy.apply(restored, checkpoint, delta, round + 1)).toEqual(
          strategy.apply(state, checkpoint, delta, round + 1),
        );
      },
    ),
    { numRuns: 40 },
  );
});

test('any changed byte, any missing end and any other kind of bytes is noticed', () => {
  const bytes = serializeStrategyState(strategyOf(parseStrategy('fedadam')).initialize(2));
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = bytes.slice();
      damaged[at] ^= change;
      expect(() => restoreStrategyState(damaged)).toThrow(VectorError);
      expect(() => restoreStrategyState(bytes.subarray(0, at))).toThrow(VectorError);
    }),
  );
  expect(() => restoreStrategyState(Buffer.concat(serializeAccumulator(createAccumulator(2))))).toThrow(
    'strategy state',
  );
});
