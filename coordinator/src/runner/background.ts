/** What a run does beside answering: tried again until it can be done, and waited for at the end. */
import type { Clock, Scheduled } from '@starling/federation';
import type { Log } from '../log.js';

export interface Background {
  readonly isClosing: boolean;
  /** Aborts when the run's driver closes. */
  readonly signal: AbortSignal;
  /** What fails here could not be stored (a full disk, say): it is logged and tried `again` until it can. */
  run(what: string, job: () => Promise<void>, again?: () => void): void;
  /** Starts nothing any more. */
  stop(): void;
  /** Settles once all that runs has ended. */
  settled(): Promise<void>;
}

const retryMs = 1000;

export function createBackground(clock: Clock, log: Log, runId: () => string): Background {
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const retries = new Set<Scheduled>();
  return {
    get isClosing() {
      return closing.signal.aborted;
    },
    signal: closing.signal,
    run(what, job, again) {
      if (closing.signal.aborted) return;
      const promise = job()
        .catch((error: unknown) => {
          if (closing.signal.aborted) return;
          log.error({ err: error, runId: runId() }, `${what} failed`);
          if (again === undefined) return;
          const retry = clock.schedule(retryMs, () => {
            retries.delete(retry);
            again();
          });
          retries.add(retry);
        })
        .finally(() => running.delete(promise));
      running.add(promise);
    },
    stop() {
      closing.abort();
      for (const retry of retries) retry.cancel();
    },
    async settled() {
      await Promise.all(running);
    },
  };
}
