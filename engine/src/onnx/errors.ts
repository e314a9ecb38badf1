import { legible } from './legible-text.js';

/** What can be wrong with a model, as stable names that callers may switch on. */
export type OnnxErrorCode =
  /** The bytes are not a complete ONNX protobuf message. */
  | 'onnx/malformed'
  /** The message is readable but contradicts itself: sizes, names, missing parts. */
  | 'onnx/inconsistent'
  /** A legal model uses something that this library does not handle. */
  | 'onnx/unsupported'
  /** Shapes or element types do not fit the operator. */
  | 'onnx/shape'
  /** The builder was asked for something a graph cannot be: a programmer's error. */
  | 'onnx/builder';

/** Says what is wrong with a model, where, and what to do. */
export class OnnxError extends Error {
  readonly code: OnnxErrorCode;

  constructor(code: OnnxErrorCode, message: string, options?: ErrorOptions) {
    super(legible(message), options);
    this.name = 'OnnxError';
    this.code = code;
  }
}
