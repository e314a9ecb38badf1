/** The machine's own time. */
import type { Clock } from '@starling/federation';

// Node fires timers longer than this at once.
const timerMsMax = 2 ** 31 - 1;

/** A clock for production. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), timerMsMax));
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
