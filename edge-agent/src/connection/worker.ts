/** The worker port: what the loop asks of training. */
import type { Assignment, FailureReason, FinishedUpdate, Outcome } from './assignment.js';

export interface Worker {
  /** The tasks this device has examples for. */
  readonly taskNames: readonly string[];
  /**
   * Gets plan and checkpoint onto the device, verified. Fails with a `CallError` where the coordinator cannot be
   * reached or refuses.
   */
  fetch(assignment: Assignment, signal: AbortSignal): Promise<void>;
  /** Trains or evaluates; an update is kept on the device before this settles. */
  compute(assignment: Assignment, signal: AbortSignal): Promise<Outcome>;
  /** The payload of a kept update from `offset` on. */
  payload(update: FinishedUpdate, offset: number): AsyncIterable<Uint8Array>;
  /** Removes a kept update; harmless where it is gone. */
  discard(update: FinishedUpdate): Promise<void>;
  /** What to tell the round about an error of `fetch` or `compute`. */
  explain(error: unknown, during: 'fetch' | 'compute'): Promise<WorkFailure>;
}

export interface WorkFailure {
  readonly reason: FailureReason;
  /** A sentence for the operator that names no value of an example. */
  readonly message: string;
}
