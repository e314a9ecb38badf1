/** What can be wrong with a plan, as stable names that callers may switch on. */
export type PlanErrorCode =
  /** The manifest is not what a manifest can be. */
  | 'plan/malformed'
  /** A file is missing, or is not the one the manifest names. */
  | 'plan/tampered'
  /** What was asked for cannot be compiled. */
  | 'plan/options';

/** Says what is wrong with a plan, where, and what to do. */
export class PlanError extends Error {
  readonly code: PlanErrorCode;

  constructor(code: PlanErrorCode, message: string) {
    super(message);
    this.name = 'PlanError';
    this.code = code;
  }
}
