import { legible } from '../onnx/legible-text.js';

/** What is wrong with a model definition, where, and what to do about it. */
export type ModelErrorCode = 'model/invalid' | 'model/unknown';

/** Says what is wrong with a definition or a layer, and what to do about it. */
export class ModelError extends Error {
  readonly code: ModelErrorCode;
  /** Index into `layers`, or undefined where the fault is not in one layer. */
  readonly layerIndex: number | undefined;

  constructor(code: ModelErrorCode, message: string, layerIndex?: number) {
    super(legible(message));
    this.name = 'ModelError';
    this.code = code;
    this.layerIndex = layerIndex;
  }
}
