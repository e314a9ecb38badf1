/** What takes long: look-ups, downloads and checks, one at a time, each with a wait after one that was hindered. */
import type { Clock } from '@starling/federation';
import type { ReleaseEvent } from './events.js';
import type { ReleaseSettings } from './ports.js';

export interface Jobs {
  /** Whether the wait after the last hindrance is over. */
  readonly mayRetry: boolean;
  /** Does nothing where something is done of this very version, and aborts what is done of another of the same name. */
  start(job: Job): void;
  /** Aborts what runs. */
  abort(): void;
  /** Aborts what runs, and starts nothing any more; settles once it has ended. */
  close(): Promise<void>;
}

export interface Job {
  readonly kind: 'look-up' | 'fetch' | 'check';
  readonly name: string;
  readonly version: number;
  /** What came of it; an abort comes as whatever it throws. */
  work(signal: AbortSignal): Promise<ReleaseEvent | undefined>;
}

export interface JobsOptions {
  readonly clock: Clock;
  readonly settings: Pick<ReleaseSettings, 'retryMsMin' | 'retryMsMax'>;
  /** Ends everything. */
  readonly ending: AbortSignal;
  /** What a failure of a job means; undefined where it means nothing any more. */
  readonly hindrance: (job: Job, error: unknown, signal: AbortSignal) => Promise<ReleaseEvent | undefined>;
  readonly post: (event: ReleaseEvent) => Promise<void>;
  /** Asks the coordinator anew what is wanted: whatever was passed over is named again by its answer. */
  readonly askAgain: () => void;
  readonly inBackground: (work: Promise<void>) => void;
}

export function createJobs(options: JobsOptions): Jobs {
  const { clock, settings, ending, hindrance, post, askAgain, inBackground } = options;
  let current:
    | { readonly job: Job; readonly abort: AbortController; readonly done: Promise<void> }
    | undefined;
  let passedOver = false;
  let hindered = 0;
  let retryAtMs = 0;
  let retry: { cancel(): void } | undefined;

  const run = async (job: Job, signal: AbortSignal): Promise<void> => {
    const event = await job.work(signal).catch((error: unknown) => hindrance(job, error, signal));
    current = undefined;
    if (event !== undefined) {
      if (event.kind === 'hindered') {
        const waitMs = Math.min(settings.retryMsMin * 2 ** hindered, settings.retryMsMax);
        retryAtMs = clock.monotonic() + waitMs;
        hindered += 1;
        retry?.cancel();
        retry = clock.schedule(waitMs, askAgain);
      } else hindered = 0;
      await post(event);
    }
    if (passedOver && current === undefined) {
      passedOver = false;
      askAgain();
    }
  };

  return {
    get mayRetry() {
      return clock.monotonic() >= retryAtMs;
    },
    start(job) {
      if (ending.aborted) return;
      if (current !== undefined) {
        const { name, version } = current.job;
        // Each answer to a report names it again: what is being done of it goes on.
        if (name === job.name && version === job.version) return;
        passedOver = true;
        // Another version of the same name: what is being done is wanted no more.
        if (name === job.name) current.abort.abort();
        return;
      }
      const abort = new AbortController();
      const signal = AbortSignal.any([abort.signal, ending]);
      // What runs in it posts events, which wait for the pump that starts it.
      const done = Promise.resolve().then(() => run(job, signal));
      current = { job, abort, done };
      inBackground(done);
    },
    abort: () => current?.abort.abort(),
    async close() {
      retry?.cancel();
      await current?.done.catch(() => {});
    },
  };
}
