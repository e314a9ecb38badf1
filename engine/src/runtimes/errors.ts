/** What can go wrong in a runtime, as stable names that callers may switch on. */
export type RuntimeErrorCode =
  /** The runtime cannot load a graph. */
  | 'runtime/load'
  /** What was given does not fit the plan: a length, a range, a value that is not finite. */
  | 'runtime/input'
  /** Training left the finite numbers. */
  | 'runtime/diverged'
  /** The session has been released. */
  | 'runtime/released';

/** Says what a runtime could not do, and what to do about it. */
export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;

  constructor(code: RuntimeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuntimeError';
    this.code = code;
  }
}
