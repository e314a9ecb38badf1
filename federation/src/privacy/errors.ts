/** What can be wrong with privacy settings, or with what is asked of an accountant, a sampler or a ledger. */
export type PrivacyErrorCode =
  /** ε is not a positive finite number. */
  | 'invalid-epsilon'
  /** δ is not strictly between 0 and 1. */
  | 'invalid-delta'
  /** A noise multiplier, standard deviation or variance is not a positive finite number. */
  | 'invalid-noise'
  /** A sampling probability is not in (0, 1]. */
  | 'invalid-sampling'
  /** A number of rounds is not a positive integer. */
  | 'invalid-rounds'
  /** A sensitivity, dimension or number of devices is not what the mechanism allows. */
  | 'invalid-sensitivity'
  /** Settings of a cohort that leave nobody, or fewer than nobody, to add noise. */
  | 'invalid-cohort'
  /** A setting of adaptive clipping is outside of its range. */
  | 'invalid-clipping'
  /** The accountant cannot bound this mechanism. */
  | 'unsupported-mechanism'
  /** δ is below what the accountant's floating point can tell from zero. */
  | 'delta-too-small'
  /** No noise, however large, reaches the target ε with this accountant. */
  | 'unreachable-epsilon'
  /** A stored ledger's events do not follow one another. */
  | 'corrupt-ledger';

/** Thrown by everything in `privacy/`; `code` is stable, `remedy` says what to do. */
export class PrivacyError extends Error {
  override readonly name = 'PrivacyError';
  readonly code: PrivacyErrorCode;
  readonly remedy: string;

  constructor(code: PrivacyErrorCode, message: string, remedy: string) {
    super(message);
    this.code = code;
    this.remedy = remedy;
  }
}
