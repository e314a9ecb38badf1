/** What goes wrong when a model is asked, as stable names; the doors map each to HTTP and gRPC. */
export type InferenceErrorCode =
  /** The request is not what the protocol or the model takes. */
  | 'inference/invalid-request'
  /** More bytes than the door reads. */
  | 'inference/too-large'
  | 'inference/model-not-found'
  /** The queue is full: asking again later helps, waiting does not. */
  | 'inference/overloaded'
  /** The model is going away. */
  | 'inference/unavailable'
  /** The file is no model, or fails its warm-up. */
  | 'inference/model-invalid';

/** The message names the place and the remedy, and never a value of an input. */
export class InferenceError extends Error {
  readonly code: InferenceErrorCode;

  constructor(code: InferenceErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'InferenceError';
    this.code = code;
  }
}
