/** What can be wrong with a strategy's settings, state, or what it is applied to. */
export type StrategyErrorCode =
  | 'unknown-strategy'
  | 'unknown-aggregation'
  /** The strategy has no such field; `field` names it. */
  | 'unknown-field'
  /** The field's value is of the wrong type or out of range; `field` names it. */
  | 'invalid-field'
  /** An update without examples has no weight. */
  | 'no-examples'
  /** A robust aggregate needs more updates to keep its promise. */
  | 'too-few-updates'
  /** A vector is not of the state's number of parameters. */
  | 'wrong-length'
  /** The state belongs to another strategy. */
  | 'wrong-state'
  /** The round, or a later one, is in the state already. */
  | 'round-already-applied'
  /** The new checkpoint would have NaN or infinite elements. */
  | 'not-finite';

/** Thrown by everything in `strategies/`; `code` is stable, `field` names the setting where one is to blame. */
export class StrategyError extends Error {
  override readonly name = 'StrategyError';
  readonly code: StrategyErrorCode;
  readonly field: string | undefined;

  constructor(code: StrategyErrorCode, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
