/** What can be wrong with settings or calls; what a peer does wrong is a `Refusal` or a `Rejection` instead. */
export type SecureAggregationErrorCode =
  /** No number of neighbours and threshold reaches the asked security and correctness for this cohort. */
  | 'no-graph'
  /** A setting is outside of its range. */
  | 'invalid-setting'
  /** Bytes, a key or a vector are not of the length that the round says. */
  | 'wrong-length'
  /** Shares are too few, repeated, or not of this field. */
  | 'invalid-shares';

/** Thrown by everything in `secure-aggregation/`; `code` is stable. */
export class SecureAggregationError extends Error {
  override readonly name = 'SecureAggregationError';
  readonly code: SecureAggregationErrorCode;

  constructor(code: SecureAggregationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
