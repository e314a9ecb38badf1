/** Looks at the conditions again and again, and says when training may go on and when not. */
import type { Clock, Scheduled } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import {
  type Conditions,
  type DeviceReadings,
  type Override,
  type PauseReason,
  pausedBecause,
} from './decide.js';

export interface ConditionsPorts {
  read(): Promise<DeviceReadings>;
  override(): Promise<Override>;
  /** The 99th percentile of inference since the last call, in milliseconds; undefined where nothing was asked. */
  inferenceP99Ms(): number | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface TrainingGate {
  /** Why training stands still; empty where it may go on. */
  readonly reasons: readonly PauseReason[];
  /** Called at every change, until its result is called. */
  onChange(listener: () => void): () => void;
  close(): void;
}

const everyMs = 1000;
/** Good conditions must last: a device that cools down by pausing would pause and go on every second otherwise. */
const resumeAfterMs = 10_000;

/** Until the first look is done, training stands still. */
export async function watchConditions(conditions: Conditions, ports: ConditionsPorts): Promise<TrainingGate> {
  const { clock, log } = ports;
  const listeners = new Set<() => void>();
  let reasons: readonly PauseReason[] = [];
  let goodSinceMs = Number.NEGATIVE_INFINITY;
  let next: Scheduled | undefined;
  let closed = false;

  const look = async (): Promise<void> => {
    const found = pausedBecause(
      conditions,
      await ports.read(),
      await ports.override(),
      ports.inferenceP99Ms(),
    );
    const nowMs = clock.monotonic();
    if (found.length > 0) goodSinceMs = Number.POSITIVE_INFINITY;
    else if (goodSinceMs === Number.POSITIVE_INFINITY) goodSinceMs = nowMs;
    const waits = found.length === 0 && reasons.length > 0 && nowMs - goodSinceMs < resumeAfterMs;
    if (waits || found.join() === reasons.join()) return;
    const changed = (found.length === 0) !== (reasons.length === 0);
    reasons = found;
    if (changed && found.length > 0)
      log.info({ reasons: found }, `Training stands still: ${found.join(', ')}.`);
    else if (changed) log.info({}, 'Training may go on.');
    for (const listener of listeners) listener();
  };
  const again = (): void => {
    look()
      .catch((error: unknown) => log.warn({ error: String(error) }, 'The conditions cannot be read.'))
      .then(() => {
        if (!closed) next = clock.schedule(everyMs, again);
      });
  };
  await look();
  next = clock.schedule(everyMs, again);
  return {
    get reasons() {
      return reasons;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      closed = true;
      next?.cancel();
    },
  };
}
