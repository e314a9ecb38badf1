/** The layers model of a plan, with its parameters as variables of TensorFlow.js. */
import type * as Core from '@tensorflow/tfjs-core';
import type { LayersModel as TfjsModel } from '@tensorflow/tfjs-layers';
import { elementCount } from '../../onnx/index.js';
import type { Plan } from '../../plan/index.js';
import { planFileNames } from '../../plan/names.js';
import { RuntimeError } from '../errors.js';
import type { Tfjs } from './load-tfjs.js';

export interface PlanModel {
  readonly model: TfjsModel;
  /** Those of the manifest, in its order. */
  readonly variables: readonly Core.Variable[];
  /** Writes a flat vector `[parameterCount]` into them. */
  assign(parameters: Float32Array): void;
}

interface StoredLayers {
  readonly topology: Parameters<Tfjs['layers']['models']['modelFromJSON']>[0];
  readonly weights: Readonly<Record<string, { readonly shape: number[]; readonly base64: string }>>;
}

/** @throws RuntimeError `runtime/load` where the plan was made from something else */
export async function planModel({ tf, layers }: Tfjs, { manifest, files }: Plan): Promise<PlanModel> {
  const bytes = files.get(planFileNames.layers);
  if (bytes === undefined) {
    throw new RuntimeError(
      'runtime/load',
      'the plan holds no layers model, so that TensorFlow.js cannot run it; use the runtime onnxruntime, or import a model.json without head, lora, dropout and batchNorm',
    );
  }
  // Its hash is in the manifest, and was checked: the file is what the compiler wrote.
  const { topology, weights }: StoredLayers = JSON.parse(new TextDecoder().decode(bytes));
  const model = await layers.models.modelFromJSON(topology);
  const byName = new Map<string, Core.Variable>();
  for (const weight of model.weights) {
    // The variable behind a layer's weight, which its type keeps to itself.
    byName.set(weight.originalName, (weight as unknown as { readonly val: Core.Variable }).val);
  }
  const find = (name: string): Core.Variable => {
    const variable = byName.get(name);
    if (variable === undefined)
      throw new RuntimeError(
        'runtime/load',
        `the layers model has no weight ${name}; compile the plan again`,
      );
    return variable;
  };
  for (const [name, { shape, base64 }] of Object.entries(weights)) {
    const values = new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
    tf.tidy(() => find(name).assign(tf.tensor(values, shape)));
  }
  const variables = manifest.parameters.map(({ name }) => find(name));
  return {
    model,
    variables,
    assign(parameters) {
      tf.tidy(() => {
        manifest.parameters.forEach(({ shape, offset }, index) => {
          const part = parameters.slice(offset, offset + elementCount(shape));
          variables[index].assign(tf.tensor(part, [...shape]));
        });
      });
    },
  };
}
