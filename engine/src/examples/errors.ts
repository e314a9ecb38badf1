/** What is wrong with a feature contract or with local examples, where, and what to do about it. */
export type ExamplesErrorCode =
  /** The feature contract itself is malformed. */
  | 'examples/contract-invalid'
  /** A folder or a file that should be there is not, or cannot be read. */
  | 'examples/not-found'
  /** A file is damaged or not of the format its name says. */
  | 'examples/file-malformed'
  /** A file is sound but of a kind this reader does not take. */
  | 'examples/file-unsupported'
  /** More bytes than the reader was allowed to hold. */
  | 'examples/too-large'
  /** Sound data that breaks the feature contract. */
  | 'examples/contract-broken';

/**
 * A fault in a contract or in examples. The message names the place (file, row, column) and never a value or
 * a label of an example, so that it may be logged and sent to an operator.
 */
export class ExamplesError extends Error {
  readonly code: ExamplesErrorCode;
  /** The folder, file or JSON path at fault. */
  readonly path: string;
  /** A sentence that says what to do. */
  readonly remedy: string;

  constructor(code: ExamplesErrorCode, path: string, problem: string, remedy: string, cause?: unknown) {
    super(`${path}: ${problem}. ${remedy}`, cause === undefined ? undefined : { cause });
    this.name = 'ExamplesError';
    this.code = code;
    this.path = path;
    this.remedy = remedy;
  }
}
