import { adam } from './adam.js';
import type { OptimizerDefinition } from './definition.js';
import { momentum } from './momentum.js';
import type { OptimizerGraph } from './optimizer-graph.js';
import { sgd } from './sgd.js';

export type { OptimizerDefinition } from './definition.js';
export type { OptimizerGraph, PreparedOptimizer } from './optimizer-graph.js';
export { readOptimizer } from './parse.js';

/** The subgraphs of an optimizer. */
export function optimizerGraph(definition: OptimizerDefinition): OptimizerGraph {
  switch (definition.kind) {
    case 'sgd':
      return sgd;
    case 'momentum':
      return momentum(definition.momentum, definition.nesterov);
    case 'adam':
      return adam({ ...definition, weightDecay: 0 });
    case 'adamw':
      return adam(definition);
  }
}
