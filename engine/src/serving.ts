/** The runtime for serving alone, so that who only serves loads no compiler; ONNX Runtime itself comes with the first model. */
import type { RuntimeOptions } from './runtimes/runtime.js';
import type { TensorSession } from './runtimes/tensors.js';

export { RuntimeError } from './runtimes/errors.js';
export {
  type TensorData,
  type TensorDataType,
  type TensorSession,
  type TensorSpec,
  type TensorValue,
  tensorArrays,
} from './runtimes/tensors.js';

/** As the function of this name in `runtimes/`. */
export async function loadTensorSession(
  name: string,
  model: Uint8Array,
  options?: RuntimeOptions,
): Promise<TensorSession> {
  const runtime = await import('./runtimes/onnxruntime-tensors.js');
  return runtime.loadTensorSession(name, model, options);
}
