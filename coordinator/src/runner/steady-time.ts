import type { Clock } from '@starling/federation';

/** Milliseconds since the epoch, for deadlines and events. */
export type SteadyTime = () => number;

/**
 * Wall-clock time that advances with the monotonic clock: deadlines are stored as wall-clock moments and must survive a
 * restart, but a clock set right while the coordinator runs must not cut a round short or stretch it.
 */
export function createSteadyTime(clock: Clock): SteadyTime {
  const offsetMs = clock.now() - clock.monotonic();
  return () => Math.floor(offsetMs + clock.monotonic());
}
