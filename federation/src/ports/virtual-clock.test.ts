import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { delay } from './clock.js';
import { createVirtualClock } from './virtual-clock.js';

test('callbacks run in the order of their due times, then of their scheduling', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), (delays) => {
      const clock = createVirtualClock();
      const ran: { delayMs: number; index: number; at: number }[] = [];
      for (const [index, delayMs] of delays.entries()) {
        clock.schedule(delayMs, () => ran.push({ delayMs, index, at: clock.monotonic() }));
      }
      clock.advance(20);
      const expected = delays
        .map((delayMs, index) => ({ delayMs, index, at: delayMs }))
        .sort((a, b) => a.delayMs - b.delayMs || a.index - b.index);
      expect(ran).toEqual(expected);
    }),
  );
});

test('a cancelled callback never runs, whatever was scheduled around it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean()), { maxLength: 40 }),
      (timers) => {
        const clock = createVirtualClock();
        const ran = new Set<number>();
        timers
          .map(([delayMs], index) => clock.schedule(delayMs, () => ran.add(index)))
          .forEach((scheduled, index) => {
            if (timers[index][1]) scheduled.cancel();
          });
        clock.advance(10);
        expect(timers.map(([, cancelled], index) => cancelled !== ran.has(index))).not.toContain(false);
        expect(clock.nextDue()).toBeUndefined();
      },
    ),
  );
});

test('what a callback schedules within the advance still runs in it, at its own time', () => {
  const clock = createVirtualClock(1_000);
  const times: number[] = [];
  clock.schedule(10, () => {
    clock.schedule(5, () => times.push(clock.now()));
    clock.schedule(50, () => times.push(clock.now()));
  });
  clock.advance(20);
  expect(times).toEqual([1_015]);
  expect(clock.now()).toBe(1_020);
  expect(clock.nextDue()).toBe(60);
});

test('advancing by 0 runs what is due now, and a negative delay is 0', () => {
  const clock = createVirtualClock();
  let ran = 0;
  clock.schedule(-5, () => {
    ran += 1;
  });
  expect(ran).toBe(0);
  clock.advance(0);
  expect(ran).toBe(1);
});

test('runNext jumps to the next callback', () => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  clock.schedule(70, () => ran.push('late'));
  clock.schedule(30, () => ran.push('early'));
  expect([clock.runNext(), clock.monotonic()]).toEqual([true, 30]);
  expect([clock.runNext(), clock.monotonic()]).toEqual([true, 70]);
  expect(clock.runNext()).toBe(false);
  expect(ran).toEqual(['early', 'late']);
});

test('the wall clock can be shifted without moving a deadline', () => {
  const clock = createVirtualClock(5_000);
  clock.schedule(100, () => {});
  clock.shiftWallClock(-4_000);
  expect([clock.now(), clock.monotonic(), clock.nextDue()]).toEqual([1_000, 0, 100]);
});

test('time does not go backwards, and NaN is no delay', () => {
  const clock = createVirtualClock();
  expect(() => clock.advance(-1)).toThrow(RangeError);
  expect(() => clock.schedule(Number.NaN, () => {})).toThrow(RangeError);
});

test('advanceAsync lets awaiting code schedule its next delay in time', async () => {
  const clock = createVirtualClock();
  const ticks: number[] = [];
  const loop = async (): Promise<void> => {
    for (let i = 0; i < 5; i += 1) {
      await delay(clock, 10);
      ticks.push(clock.monotonic());
    }
  };
  const done = loop();
  await clock.advanceAsync(35);
  expect(ticks).toEqual([10, 20, 30]);
  expect(clock.monotonic()).toBe(35);
  await clock.advanceAsync(100);
  await done;
  expect(ticks).toEqual([10, 20, 30, 40, 50]);
});

test('a delay rejects with the reason of its signal and leaves no timer behind', async () => {
  const clock = createVirtualClock();
  const controller = new AbortController();
  const waiting = delay(clock, 1_000, controller.signal);
  controller.abort(new Error('shutting down'));
  await expect(waiting).rejects.toThrow('shutting down');
  expect(clock.nextDue()).toBeUndefined();
  await expect(delay(clock, 1, controller.signal)).rejects.toThrow('shutting down');
  expect(clock.nextDue()).toBeUndefined();
});

test('a clock that is cleared has nothing to do, and goes on with what is scheduled then', () => {
  const clock = createVirtualClock();
  const ran: string[] = [];
  clock.schedule(10, () => ran.push('forgotten'));
  const forgotten = clock.schedule(20, () => ran.push('forgotten'));
  clock.clear();
  expect(clock.nextDue()).toBeUndefined();
  forgotten.cancel();
  clock.schedule(30, () => ran.push('kept'));
  clock.advance(100);
  expect(ran).toEqual(['kept']);
});
