import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Loss, receive } from './receive.js';

const batch = (firstSequence: number, recordCount: number, losses: readonly Loss[] = []) => ({
  firstSequence,
  recordCount,
  losses,
});
const lost = (first: number, end: number): Loss => ({ first, end, reason: 'budget' });

test('what follows is taken, what overlaps is taken from where it is new, what was there is known', () => {
  expect(receive(10, batch(10, 5))).toEqual({ kind: 'news', skip: 0, gaps: [], next: 15 });
  expect(receive(10, batch(7, 5))).toEqual({ kind: 'news', skip: 3, gaps: [], next: 12 });
  expect(receive(10, batch(5, 5))).toEqual({ kind: 'known' });
  expect(receive(10, batch(12, 5))).toEqual({ kind: 'ahead' });
});

test('numbers are passed over only where they were reported as lost', () => {
  expect(receive(10, batch(12, 5, [lost(10, 12)]))).toMatchObject({
    kind: 'news',
    gaps: [lost(10, 12)],
    next: 17,
  });
  expect(receive(10, batch(13, 5, [lost(10, 12)]))).toEqual({ kind: 'ahead' });
  expect(receive(10, batch(13, 5, [lost(11, 13)]))).toEqual({ kind: 'ahead' });
  expect(receive(10, batch(20, 0, [lost(3, 20)]))).toEqual({
    kind: 'news',
    skip: 0,
    gaps: [lost(10, 20)],
    next: 20,
  });
});

test('records that arrive in spite of their loss are records', () => {
  expect(receive(10, batch(10, 5, [lost(10, 15)]))).toEqual({ kind: 'news', skip: 0, gaps: [], next: 15 });
  expect(receive(10, batch(8, 7, [lost(0, 15)]))).toEqual({ kind: 'news', skip: 2, gaps: [], next: 15 });
});

test('whatever is sent again, in whatever order, every number is held once or is a gap that was reported', () => {
  const plan = fc.array(fc.record({ isLost: fc.boolean(), length: fc.integer({ min: 1, max: 5 }) }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(plan, fc.array(fc.nat({ max: 30 }), { maxLength: 200 }), (pieces, order) => {
      const losses: Loss[] = [];
      const batches: { first: number; count: number }[] = [];
      let at = 0;
      for (const { isLost, length } of pieces) {
        if (isLost) losses.push(lost(at, at + length));
        else batches.push({ first: at, count: length });
        at += length;
      }
      batches.push({ first: at, count: 0 });
      const held = new Map<number, 'record' | 'gap'>();
      let next = 0;
      const deliver = ({ first, count }: { first: number; count: number }): void => {
        const receipt = receive(next, batch(first, count, losses));
        if (receipt.kind !== 'news') return;
        const put = (number: number, as: 'record' | 'gap'): void => {
          expect(held.has(number)).toBe(false);
          held.set(number, as);
        };
        for (const gap of receipt.gaps) for (let n = gap.first; n < gap.end; n += 1) put(n, 'gap');
        for (let n = first + receipt.skip; n < first + count; n += 1) put(n, 'record');
        next = receipt.next;
      };
      for (const index of order) deliver(batches[index % batches.length]);
      // The device sends everything after the watermark, in order, until it hears of all.
      for (const sent of batches) deliver(sent);
      expect(next).toBe(at);
      for (let n = 0; n < at; n += 1) {
        const isGap = losses.some(({ first, end }) => n >= first && n < end);
        expect(held.get(n)).toBe(isGap ? 'gap' : 'record');
      }
    }),
  );
});
