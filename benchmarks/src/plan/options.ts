import type { PlanOptions } from '@starling/engine';

export const planOptions: PlanOptions = {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'sgd' },
  batchSize: 20,
};
