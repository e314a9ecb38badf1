/**
 * Every expected failure of the coordinator: a stable code, a sentence that names the place, a remedy, and a
 * status that the edge maps to gRPC in one place.
 */
export type ErrorStatus =
  | 'invalid-argument'
  | 'not-found'
  | 'failed-precondition'
  | 'resource-exhausted'
  | 'already-exists'
  | 'out-of-range'
  | 'data-loss'
  | 'unauthenticated'
  | 'permission-denied'
  | 'unavailable'
  | 'aborted';

export interface Refusal {
  /** Stable, upper snake case. */
  readonly code: string;
  readonly status: ErrorStatus;
  /** What is wrong, a sentence that names the place. */
  readonly message: string;
  /** What to do about it, a sentence. */
  readonly remedy: string;
  /** How long to wait before the same call may go well; 0 where repeating does not help. */
  readonly retryAfterMs: number;
}

/** A refusal on its way through promises. */
export class CoordinatorError extends Error {
  override readonly name = 'CoordinatorError';
  readonly refusal: Refusal;

  constructor(refusal: Refusal, cause?: unknown) {
    super(`${refusal.message} ${refusal.remedy}`.trim(), cause === undefined ? undefined : { cause });
    this.refusal = refusal;
  }

  get code(): string {
    return this.refusal.code;
  }
}

/** Builds a refusal; `retryAfterMs` is 0 unless told. */
export function refusal(
  status: ErrorStatus,
  code: string,
  message: string,
  remedy: string,
  retryAfterMs = 0,
): Refusal {
  return { code, status, message, remedy, retryAfterMs };
}

/** What only a programmer can break. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
