import type { Clock } from '@starling/federation';

/** Milliseconds since the epoch, for deadlines and events. */
export interface SteadyTime {
  now(): number;
  /** Moves the time forward to `atMs` where it is before it: what is stored already must not lie in the future. */
  notBefore(atMs: number): void;
}

/**
 * Wall-clock time that advances with the monotonic clock: deadlines are stored as wall-clock moments and must survive a
 * restart, but a clock set right while the coordinator runs, or set back while it was away, must not cut a round short
 * or stretch it.
 */
export function createSteadyTime(clock: Clock): SteadyTime {
  let offsetMs = clock.now() - clock.monotonic();
  const now = (): number => Math.floor(offsetMs + clock.monotonic());
  return {
    now,
    notBefore(atMs) {
      offsetMs += Math.max(0, atMs - now());
    },
  };
}
