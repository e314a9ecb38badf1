/** What can be wrong with a vector, its bytes, or what it is folded into. */
export type VectorErrorCode =
  /** A vector or payload is longer or shorter than the manifest or encoding says. */
  | 'wrong-length'
  /** An element, or a block's scale, is NaN or infinite; `index` is the element (of a block: its first). */
  | 'not-finite'
  /** A block's scale is negative; `index` is the block's first element. */
  | 'negative-scale'
  /** The encoding's settings are outside of what this code can read. */
  | 'invalid-encoding'
  /** A weight is not a positive finite number, or too small or too large to count. */
  | 'invalid-weight'
  /** The manifest's entries do not lie one after the other. */
  | 'invalid-manifest'
  /** A tensor of the manifest is missing, or there is one it does not name. */
  | 'unknown-tensor'
  /** Metric sums name other metrics than the ones they are added to, or are not finite. */
  | 'invalid-metrics'
  /** Stored bytes are not what was written: cut short, changed, or of another kind or version. */
  | 'corrupt-bytes'
  /** A fold is unfinished or failed, so the sums must not be used; finish it, or restore the last checkpoint. */
  | 'half-folded'
  /** A clipping bound is not a positive number. */
  | 'invalid-bound'
  /** There is nothing to take the mean of. */
  | 'empty';

/** Thrown by everything in `vectors/`; `code` is stable, `index` names the element where one is to blame. */
export class VectorError extends Error {
  override readonly name = 'VectorError';
  readonly code: VectorErrorCode;
  readonly index: number | undefined;

  constructor(code: VectorErrorCode, message: string, index?: number) {
    super(message);
    this.code = code;
    this.index = index;
  }
}
