import { CoordinatorError, refusal } from '../errors.js';
import type { RunId } from '../ids.js';
import type { Recorded } from '../runs/index.js';
import type { Store } from '../storage/index.js';

/** Tells those who watch a run that its log has grown. */
export interface RunNotices {
  notify(runId: RunId): void;
  /** Calls `wake` at every notice of the run, and when the coordinator closes, until the returned function is called. */
  subscribe(runId: RunId, wake: () => void): () => void;
  isClosed(): boolean;
  close(): void;
}

export function createRunNotices(): RunNotices {
  const watchers = new Map<RunId, Set<() => void>>();
  let closed = false;
  return {
    notify(runId) {
      for (const wake of watchers.get(runId) ?? []) wake();
    },
    subscribe(runId, wake) {
      const ofRun = watchers.get(runId) ?? new Set();
      watchers.set(runId, ofRun.add(wake));
      return () => {
        ofRun.delete(wake);
        if (ofRun.size === 0) watchers.delete(runId);
      };
    },
    isClosed: () => closed,
    close() {
      closed = true;
      for (const ofRun of watchers.values()) for (const wake of ofRun) wake();
    },
  };
}

const eventsPerPage = 500;

/**
 * A run's events after `afterSequence` from the log, then live ones until the run ends. A slow reader costs nothing: it
 * reads from the log at its own pace. Throws `COORDINATOR_CLOSING` where the coordinator ends before the run does.
 */
export async function* watchRun(
  store: Store,
  notices: RunNotices,
  runId: RunId,
  afterSequence: number,
  signal: AbortSignal,
): AsyncGenerator<Recorded, void, undefined> {
  let cursor = afterSequence;
  let grown = false;
  let wakeUp = (): void => undefined;
  const wake = (): void => {
    grown = true;
    wakeUp();
  };
  const unsubscribe = notices.subscribe(runId, wake);
  signal.addEventListener('abort', wake);
  try {
    while (!signal.aborted) {
      if (notices.isClosed()) throw new CoordinatorError(closing());
      // Reset before the log is read: what is stored in between is noticed.
      grown = false;
      const page = await store.events.read(runId, cursor, eventsPerPage);
      for (const recorded of page) {
        yield recorded;
        cursor = recorded.sequence;
      }
      if (page.length === 0 && !grown) {
        const run = await store.runs.find(runId);
        if (run?.state !== 'running' && !grown) return;
        await new Promise<void>((resolve) => {
          wakeUp = resolve;
          if (grown) resolve();
        });
      }
    }
  } finally {
    unsubscribe();
    signal.removeEventListener('abort', wake);
  }
}

function closing() {
  return refusal(
    'unavailable',
    'COORDINATOR_CLOSING',
    'The coordinator is shutting down.',
    'Watch the run again once it is back.',
    1000,
  );
}
