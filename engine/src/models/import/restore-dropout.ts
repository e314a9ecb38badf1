import { type Model, type Node, removeUnused } from '../../onnx/index.js';
import { ModelError } from '../errors.js';
import { matches, requireMatches } from './patterns.js';
import { type ParameterTensor, passing } from './trainable-tensors.js';

export interface DropoutOptions {
  /** Share of elements that are dropped in training. */
  readonly rate: number;
  /** Weights, by name, before whose layers a dropout is put; where exporters left none, it cannot be told where they were. */
  readonly before?: readonly string[];
}

/**
 * Makes sure that the model has dropout layers: those it was exported with, or one before each layer that is named.
 * @throws ModelError where there are none and no layer is named
 */
export function restoreDropout(
  model: Model,
  parameters: readonly ParameterTensor[],
  { before }: DropoutOptions,
): Model {
  const { graph } = model;
  if (before === undefined) {
    if (graph.nodes.some(({ opType }) => opType === 'Dropout')) return model;
    throw new ModelError(
      'model/invalid',
      'dropout: the exporter left no dropout layers; say where they were with "before", a list of the weights that follow them',
    );
  }
  requireMatches(
    'dropout',
    before,
    parameters.map(({ name }) => name),
  );
  const weights = new Set(parameters.flatMap(({ name }) => (matches(name, before) ? [name] : [])));
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const takes = node.inputs.slice(1).some((name) => weights.has(name));
    if (passing.has(node.opType) && weights.has(node.inputs[0])) weights.add(node.outputs[0]);
    if (!takes) {
      nodes.push(node);
      continue;
    }
    const dropped = `${node.outputs[0]}/dropped`;
    const name = `${node.name || node.outputs[0]}/dropout`;
    nodes.push({
      name,
      opType: 'Dropout',
      domain: '',
      inputs: [node.inputs[0]],
      outputs: [dropped],
      attributes: {},
    });
    nodes.push({ ...node, inputs: [dropped, ...node.inputs.slice(1)] });
  }
  return { ...model, graph: removeUnused({ ...graph, nodes }) };
}
