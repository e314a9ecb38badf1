import type { Clock } from '@starling/federation';
import type { RoundKey } from '../ids.js';
import type { Runner } from '../runner/index.js';

export interface HoldOptions {
  readonly runner: Pick<Runner, 'onChange'>;
  readonly clock: Clock;
  /** Longest time a call is held, in milliseconds. */
  readonly holdMsMax: number;
  /** Aborts when the coordinator closes. */
  readonly closing: AbortSignal;
}

export interface HeldCall {
  readonly key: RoundKey;
  readonly holdMs: number;
  readonly signal: AbortSignal;
}

/**
 * What `look` gives as soon as it gives something, looking again whenever something happened in the run; undefined at
 * the end of the hold, and when the caller is gone or the coordinator closes.
 */
export async function holdUntil<T>(
  { key, holdMs, signal }: HeldCall,
  { runner, clock, holdMsMax, closing }: HoldOptions,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  let over = signal.aborted || closing.aborted;
  let happened = false;
  let wakeUp = (): void => undefined;
  const wake = (): void => {
    happened = true;
    wakeUp();
  };
  const end = (): void => {
    over = true;
    wake();
  };
  const unsubscribe = runner.onChange(key.runId, wake);
  const timer = clock.schedule(Math.min(holdMs, holdMsMax), end);
  signal.addEventListener('abort', end);
  closing.addEventListener('abort', end);
  try {
    for (;;) {
      happened = false;
      const found = await look();
      if (found !== undefined || over) return found;
      await new Promise<void>((resolve) => {
        wakeUp = resolve;
        if (happened) resolve();
      });
    }
  } finally {
    unsubscribe();
    timer.cancel();
    signal.removeEventListener('abort', end);
    closing.removeEventListener('abort', end);
  }
}
