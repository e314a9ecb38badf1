/** Serving any ONNX model, float or quantized, on ONNX Runtime. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { RuntimeError } from './errors.js';
import { onnxruntime } from './onnxruntime-library.js';
import { createSession } from './onnxruntime-session.js';
import type { RuntimeOptions } from './runtime.js';
import {
  type TensorData,
  type TensorDataType,
  type TensorSession,
  type TensorSpec,
  tensorArrays,
} from './tensors.js';

/**
 * Loads a model's bytes.
 *
 * @throws RuntimeError `runtime/load` where it is no model, or has tensors of a type that cannot be served
 */
export async function loadTensorSession(
  name: string,
  model: Uint8Array,
  options?: RuntimeOptions,
): Promise<TensorSession> {
  const session = await createSession(name, model, options);
  const { Tensor } = onnxruntime();
  const inputs = session.inputMetadata.map((tensor) => specOf(name, tensor));
  const outputs = session.outputMetadata.map((tensor) => specOf(name, tensor));
  return {
    inputs,
    outputs,
    async run(values) {
      const feeds: Record<string, OrtTensor> = {};
      for (const { name: input, dataType, data, shape } of values) {
        feeds[input] = new Tensor(dataType as 'float32', data as Float32Array, shape);
      }
      let results: InferenceSession.ReturnType;
      try {
        results = await session.run(feeds);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new RuntimeError('runtime/input', `ONNX Runtime cannot run ${name} on this: ${why}`, {
          cause: error,
        });
      }
      return outputs.map(({ name: output, dataType }) => {
        const { data, dims } = results[output];
        return { name: output, dataType, shape: dims, data: data as TensorData };
      });
    },
    release: () => session.release(),
  };
}

function specOf(model: string, tensor: InferenceSession.ValueMetadata): TensorSpec {
  if (!tensor.isTensor || !Object.hasOwn(tensorArrays, tensor.type)) {
    const type = tensor.isTensor ? tensor.type : 'not a tensor';
    throw new RuntimeError(
      'runtime/load',
      `"${tensor.name}" of ${model} is ${type}, which cannot be served; use one of ${Object.keys(tensorArrays).join(', ')}`,
    );
  }
  return {
    name: tensor.name,
    dataType: tensor.type as TensorDataType,
    shape: tensor.shape.map((size) => (typeof size === 'number' ? size : -1)),
  };
}
