export { RuntimeError, type RuntimeErrorCode } from './errors.js';
export { onnxruntimeInference } from './onnxruntime-inference.js';
export { onnxruntimeTraining } from './onnxruntime-training.js';
export type * from './runtime.js';
export { hasTfjs, tfjsTraining } from './tfjs/index.js';
