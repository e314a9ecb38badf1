export { type RuntimeName, runtimeNames } from './available.js';
export { chooseRuntime, plannedTraining } from './choose-runtime.js';
export { RuntimeError, type RuntimeErrorCode } from './errors.js';
export {
  type CohortClient,
  type CohortSession,
  type CohortTraining,
  loadCohort,
} from './onnxruntime-cohort.js';
export { onnxruntimeInference } from './onnxruntime-inference.js';
export { loadTensorSession } from './onnxruntime-tensors.js';
export { onnxruntimeTraining } from './onnxruntime-training.js';
export type * from './runtime.js';
export {
  type TensorData,
  type TensorDataType,
  type TensorSession,
  type TensorSpec,
  type TensorValue,
  tensorArrays,
} from './tensors.js';
export { hasTfjs, tfjsTraining } from './tfjs/index.js';
