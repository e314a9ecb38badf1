/** A model that nobody should serve: the task's own form, with weights that were never trained. */
import { buildModel, compilePlan, exportModel, initializeParameters, parseModel } from '@starling/engine';
import { hallModel } from './definitions.js';

export function worthlessModel(seed: number): Uint8Array {
  const model = parseModel(hallModel);
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 1,
  });
  return exportModel(plan, initializeParameters(buildModel(model), seed));
}
