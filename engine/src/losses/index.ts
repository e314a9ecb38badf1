import { binaryCrossEntropy } from './binary-cross-entropy.js';
import type { LossDefinition } from './definition.js';
import { huber } from './huber.js';
import type { LossGraph } from './loss-graph.js';
import { meanSquaredError } from './mean-squared-error.js';
import { softmaxCrossEntropy } from './softmax-cross-entropy.js';

export type { LossDefinition } from './definition.js';
export type { LossGraph } from './loss-graph.js';
export { readLoss } from './parse.js';

/** The subgraphs of a loss. */
export function lossGraph(definition: LossDefinition): LossGraph {
  switch (definition.kind) {
    case 'softmax-cross-entropy':
      return softmaxCrossEntropy;
    case 'binary-cross-entropy':
      return binaryCrossEntropy;
    case 'mean-squared-error':
      return meanSquaredError;
    case 'huber':
      return huber(definition.delta);
  }
}
