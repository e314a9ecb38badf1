import { createVirtualClock } from '@starling/federation';
import { expect, test } from 'vitest';
import { createSteadyTime } from './steady-time.js';

test('advances with the monotonic clock, whatever happens to the wall clock', () => {
  const clock = createVirtualClock(1000);
  const time = createSteadyTime(clock);
  clock.advance(50);
  clock.shiftWallClock(-500);
  clock.advance(50);
  expect(time.now()).toBe(1100);
});

test('is never before what is stored already', () => {
  const clock = createVirtualClock(1000);
  const time = createSteadyTime(clock);
  time.notBefore(5000);
  expect(time.now()).toBe(5000);
  time.notBefore(2000);
  clock.advance(10);
  expect(time.now()).toBe(5010);
});
