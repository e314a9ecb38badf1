/** The runtime for serving alone, so that who only serves loads no compiler. */
export { RuntimeError } from './runtimes/errors.js';
export { loadTensorSession } from './runtimes/onnxruntime-tensors.js';
export {
  type TensorData,
  type TensorDataType,
  type TensorSession,
  type TensorSpec,
  type TensorValue,
  tensorArrays,
} from './runtimes/tensors.js';
