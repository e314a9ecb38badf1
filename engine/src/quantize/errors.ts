/** What can be wrong with a quantization, as stable names that callers may switch on. */
export type QuantizeErrorCode =
  /** An option is out of range, or does not fit the model. */
  | 'quantize/options'
  /** The model has nothing that the method could make smaller. */
  | 'quantize/nothing'
  /** Examples or histograms do not fit the model, or say nothing. */
  | 'quantize/calibration';

/** Says what could not be quantized, where, and what to do about it. */
export class QuantizeError extends Error {
  readonly code: QuantizeErrorCode;

  constructor(code: QuantizeErrorCode, message: string) {
    super(message);
    this.name = 'QuantizeError';
    this.code = code;
  }
}
