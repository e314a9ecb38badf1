import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newestQueue } from './newest.js';

test('the newest stay in order within both bounds, and each that went is counted once', () => {
  const step = fc.oneof(fc.record({ push: fc.nat(50) }), fc.record({ take: fc.integer({ min: 1, max: 5 }) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = newestQueue<number>({ countMax: 4, bytesMax: 100, bytesOf: (item) => item });
      // What stands in for it: everything that was pushed, of which only an end is there.
      let kept: number[] = [];
      let dropped = 0;
      for (const step of steps) {
        if ('take' in step) {
          expect(queue.take(step.take)).toEqual(kept.slice(0, step.take));
          kept = kept.slice(step.take);
          continue;
        }
        queue.push(step.push);
        kept.push(step.push);
        const fits = (items: readonly number[]) =>
          items.length === 1 || (items.length <= 4 && items.reduce((sum, item) => sum + item, 0) <= 100);
        const from = kept.findIndex((_, index) => fits(kept.slice(index)));
        dropped += from;
        kept = kept.slice(from);
        expect(queue.size).toBe(kept.length);
      }
      expect(queue.takeDropped()).toBe(dropped);
      expect(queue.takeDropped()).toBe(0);
      expect(queue.take(10)).toEqual(kept);
    }),
  );
});
