/** The small task as a layers model of TensorFlow.js, which both runtimes train. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compilePlan, importModelFile, initializeParameters, type RequiredRuntime } from '@starling/engine';
import { type SmallTask, temporaryFolder } from './small-task.js';

const sizes = [
  [2, 6],
  [6, 2],
] as const;

export async function layersTask(runtime: RequiredRuntime): Promise<SmallTask> {
  const folder = await temporaryFolder();
  const layers = sizes.map(([inputs, units], index) => ({
    class_name: 'Dense',
    config: {
      name: `dense${index}`,
      units,
      activation: index === 0 ? 'tanh' : 'linear',
      use_bias: true,
      ...(index === 0 ? { batch_input_shape: [null, inputs] } : {}),
    },
  }));
  const shapes = sizes.flatMap(([inputs, units], index) => [
    { name: `dense${index}/kernel`, shape: [inputs, units], dtype: 'float32' },
    { name: `dense${index}/bias`, shape: [units], dtype: 'float32' },
  ]);
  const count = shapes.reduce((sum, { shape }) => sum + shape.reduce((n, size) => n * size, 1), 0);
  const weights = Float32Array.from({ length: count }, (_, i) => 0.6 * Math.sin(5 * i + 1));
  await writeFile(join(folder, 'weights.bin'), new Uint8Array(weights.buffer));
  const path = join(folder, 'model.json');
  const topology = { class_name: 'Sequential', config: { name: 'small', layers } };
  const weightsManifest = [{ paths: ['weights.bin'], weights: shapes }];
  const file = { format: 'layers-model', modelTopology: { model_config: topology }, weightsManifest };
  await writeFile(path, JSON.stringify(file));
  const model = importModelFile(path);
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 4,
    runtime,
  });
  return { plan, parameters: initializeParameters(model, 0) };
}
