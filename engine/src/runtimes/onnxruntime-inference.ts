import type { InferenceSession as OrtSession } from 'onnxruntime-node';
import { predictNames } from '../plan/names.js';
import { RuntimeError } from './errors.js';
import { onnxruntime } from './onnxruntime-library.js';
import { createSession, float32Of, TaskQueue } from './onnxruntime-session.js';
import type { InferenceRuntime, InferenceSession } from './runtime.js';

/** Predictions on ONNX Runtime, from models that `exportModel` made. */
export const onnxruntimeInference: InferenceRuntime = {
  name: 'onnxruntime',
  async load(model, options) {
    const session = await createSession('the model', model, options);
    return inferenceSession(session);
  },
};

function inferenceSession(session: OrtSession): InferenceSession {
  const { Tensor } = onnxruntime();
  const queue = new TaskQueue();
  const input = session.inputMetadata.find(({ name }) => name === predictNames.input);
  if (!input?.isTensor) {
    throw new RuntimeError(
      'runtime/load',
      `the model has no input "${predictNames.input}"; export it with exportModel`,
    );
  }
  const featureShape = input.shape.slice(1).map(Number);
  const featureElements = featureShape.reduce((product, size) => product * size, 1);
  let released = false;
  return {
    predict: (features, count) =>
      queue.run(async () => {
        if (released)
          throw new RuntimeError('runtime/released', 'the session has been released; load the model again');
        if (features.length !== count * featureElements || count < 1) {
          throw new RuntimeError(
            'runtime/input',
            `${count} examples of shape [${featureShape}] have ${count * featureElements} features, but ${features.length} were given`,
          );
        }
        const tensor = new Tensor('float32', features, [count, ...featureShape]);
        return float32Of(await session.run({ [predictNames.input]: tensor }), predictNames.output);
      }),
    release: () =>
      queue.run(async () => {
        if (released) return;
        released = true;
        await session.release();
      }),
  };
}
