/**
 * Evaluates graphs in double precision with loops that follow the operators' definitions, for tests: gradients by
 * central differences need more digits than single-precision kernels have.
 */
import { type Dense, fromTensor, type Kernel, kernels } from '../onnx/evaluation/index.js';
import type { Graph } from '../onnx/index.js';
import { activationKernels } from './reference-activations.js';
import { compositeKernels } from './reference-composites.js';
import { convolutionKernels } from './reference-convolution.js';
import { linearKernels } from './reference-linear.js';
import { normalizationKernels } from './reference-normalization.js';
import { recurrentKernels } from './reference-recurrent.js';
import { resamplingKernels } from './reference-resampling.js';
import { scatterKernels } from './reference-scatter.js';

const allKernels: ReadonlyMap<string, Kernel> = new Map([
  ...kernels,
  ...activationKernels,
  ...linearKernels,
  ...convolutionKernels,
  ...normalizationKernels,
  ...scatterKernels,
  ...compositeKernels,
  ...recurrentKernels,
  ...resamplingKernels,
]);

/** Every value of the graph, by name, given its inputs. */
export function evaluate(graph: Graph, feeds: ReadonlyMap<string, Dense>): ReadonlyMap<string, Dense> {
  const values = new Map<string, Dense>(feeds);
  for (const [name, stored] of graph.initializers) values.set(name, fromTensor(stored));
  for (const node of graph.nodes) {
    const kernel = allKernels.get(node.opType);
    if (kernel === undefined) throw new Error(`the reference evaluator has no ${node.opType}`);
    const results = kernel(
      node,
      node.inputs.map((name) => (name === '' ? undefined : values.get(name))),
    );
    node.outputs.forEach((name, index) => {
      if (name !== '') values.set(name, results[index]);
    });
  }
  return values;
}
