import { legible } from '../onnx/legible-text.js';

/** Why a gradient cannot be built, as stable names. */
export type AutodiffErrorCode =
  /** An operator between the loss and a parameter has no gradient rule. */
  | 'autodiff/no-rule'
  /** An operator has a rule, but not for this use of it. */
  | 'autodiff/unsupported'
  /** The question makes no sense: the loss is no scalar, or does not depend on what was named. */
  | 'autodiff/request';

/** Says which node stands in the way of a gradient and what to do. */
export class AutodiffError extends Error {
  readonly code: AutodiffErrorCode;

  constructor(code: AutodiffErrorCode, message: string) {
    super(legible(message));
    this.name = 'AutodiffError';
    this.code = code;
  }
}
