import type { Clock } from '@starling/federation';

/** The machine's clock and timers. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), timerMsMax));
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

/** Node.js runs timers beyond 2^31 - 1 ms at once; one that fires early is asked again by whoever set it. */
const timerMsMax = 2 ** 31 - 1;
