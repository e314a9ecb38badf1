/** Runs a model in ONNX Runtime, for tests. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Dense } from '../onnx/evaluation/index.js';
import { toTensor } from '../onnx/evaluation/index.js';
import { type Model, toNumbers, writeModel } from '../onnx/index.js';

/** The outputs of a model by name. Values of other types than float32 come back as numbers too. */
export async function runOnnxRuntime(
  model: Model,
  feeds: ReadonlyMap<string, Dense>,
): Promise<ReadonlyMap<string, Dense>> {
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  try {
    const inputs: Record<string, Tensor> = {};
    for (const { name } of model.graph.inputs) {
      const feed = feeds.get(name);
      if (feed === undefined) throw new Error(`no feed for ${name}`);
      const { dataType, shape, data } = toTensor(feed);
      inputs[name] = new Tensor(dataType, data, shape);
    }
    const results = await session.run(inputs);
    return new Map(
      Object.entries(results).map(([name, { type, dims, data }]) => {
        if (type === 'string' || type === 'int4' || type === 'uint4' || Array.isArray(data)) {
          throw new Error(`${name} is not numeric`);
        }
        const numbers = toNumbers({ dataType: type, shape: dims, data: data as Float32Array });
        return [name, { dataType: type, shape: dims, data: numbers }];
      }),
    );
  } finally {
    await session.release();
  }
}
