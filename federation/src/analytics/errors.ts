export type AnalyticsErrorCode =
  /** The query is not one that this code can answer; `field` names the part. */
  | 'invalid-query'
  /** The statistic does not go with the values of the column. */
  | 'wrong-values';

/** Thrown by everything in `analytics/`; `code` is stable. */
export class AnalyticsError extends Error {
  override readonly name = 'AnalyticsError';
  readonly code: AnalyticsErrorCode;
  readonly field: string | undefined;

  constructor(code: AnalyticsErrorCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
