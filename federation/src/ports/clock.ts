/**
 * Time as a parameter: production hands in the machine's clock, tests and simulations a virtual one, so that
 * no protocol logic ever waits for real time to pass.
 */

/** A callback that waits for its time. */
export interface Scheduled {
  /** Ends the wait; the callback never runs afterwards. Harmless when it ran or was cancelled already. */
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. It may jump, also backwards: for records and people only. */
  now(): number;
  /** Milliseconds since some fixed point; never goes backwards. For durations and deadlines. */
  monotonic(): number;
  /** Runs `callback` once, `delayMs` milliseconds from now, never before `schedule` returned. A negative delay is 0. */
  schedule(delayMs: number, callback: () => void): Scheduled;
}

/**
 * Resolves after `ms` milliseconds of `clock`; rejects with the signal's reason as soon as `signal` aborts.
 *
 * @example
 * await delay(clock, 500, signal);
 */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      scheduled.cancel();
      reject(signal?.reason);
    };
    const scheduled = clock.schedule(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
