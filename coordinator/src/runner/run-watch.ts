import type { RunId } from '../ids.js';
import type { Recorded } from '../runs/index.js';
import type { Store } from '../storage/index.js';

/** Tells those who watch a run that its log has grown. */
export interface RunNotices {
  notify(runId: RunId): void;
  /** Resolves at the next notice of the run, or when `signal` aborts or the coordinator closes. */
  next(runId: RunId, signal: AbortSignal): Promise<void>;
  close(): void;
}

export function createRunNotices(): RunNotices {
  const waiting = new Map<RunId, Set<() => void>>();
  let closed = false;
  return {
    notify(runId) {
      const waking = waiting.get(runId);
      waiting.delete(runId);
      for (const wake of waking ?? []) wake();
    },
    next: (runId, signal) =>
      new Promise((resolve) => {
        if (closed || signal.aborted) return resolve();
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          waiting.get(runId)?.delete(wake);
          resolve();
        };
        signal.addEventListener('abort', wake);
        waiting.set(runId, (waiting.get(runId) ?? new Set()).add(wake));
      }),
    close() {
      closed = true;
      for (const runId of [...waiting.keys()]) this.notify(runId);
    },
  };
}

const eventsPerPage = 500;

/**
 * A run's events after `afterSequence` from the log, then live ones until the run ends. A slow reader costs nothing: it
 * reads from the log at its own pace.
 */
export async function* watchRun(
  store: Store,
  notices: RunNotices,
  runId: RunId,
  afterSequence: number,
  signal: AbortSignal,
): AsyncGenerator<Recorded, void, undefined> {
  let cursor = afterSequence;
  while (!signal.aborted) {
    // Asked before the log is read: what is stored in between wakes the wait below.
    const waiting = new AbortController();
    const next = notices.next(runId, AbortSignal.any([signal, waiting.signal]));
    try {
      const page = await store.events.read(runId, cursor, eventsPerPage);
      for (const recorded of page) {
        yield recorded;
        cursor = recorded.sequence;
      }
      if (page.length > 0) continue;
      const run = await store.runs.find(runId);
      if (run?.state !== 'running') {
        // The end and the last events are stored together; nothing can follow unless the run is resumed.
        if ((await store.events.read(runId, cursor, 1)).length === 0) return;
        continue;
      }
      await next;
    } finally {
      waiting.abort();
    }
  }
}
