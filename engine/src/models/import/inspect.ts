import { hasGradientRule } from '../../autodiff/index.js';
import { describe } from '../../onnx/attributes.js';
import { isFloatingPoint, OnnxError, type Value } from '../../onnx/index.js';
import { readModelFile } from './external-data.js';
import { foldImported } from './fold.js';
import { restoreParameters } from './restore-parameters.js';
import { parameterTensors } from './trainable-tensors.js';

export interface InspectedModel {
  readonly opset: number;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly parameters: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly usedBy: string;
  }[];
  readonly parameterCount: number;
  readonly operators: readonly { readonly opType: string; readonly count: number }[];
  /** What keeps the model from being trained, and what to do about it. */
  readonly obstacles: readonly { readonly node: string; readonly message: string }[];
}

/** What a model file consists of. @throws OnnxError where it cannot be read at all */
export function inspectModel(path: string): InspectedModel {
  const model = restoreParameters(readModelFile(path));
  let graph = model.graph;
  const obstacles: { node: string; message: string }[] = [];
  try {
    graph = foldImported(model).graph;
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    obstacles.push({ node: '', message: error.message });
  }
  const parameters = parameterTensors(graph);
  const active = new Set(parameters.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const node of graph.nodes) {
    counts.set(node.opType, (counts.get(node.opType) ?? 0) + 1);
    if (!node.inputs.some((name) => active.has(name))) continue;
    for (const name of node.outputs) active.add(name);
    if (hasGradientRule(node)) continue;
    const message = `${describe(node)} has no gradient rule: freeze the parameters before it, or replace it in the model`;
    obstacles.push({ node: node.name, message });
  }
  return {
    opset: model.opsets[''] ?? 0,
    inputs: model.graph.inputs,
    outputs: graph.outputs.filter(({ dataType }) => isFloatingPoint(dataType)),
    parameters: parameters.map(({ name, tensor, usedBy }) => ({ name, shape: tensor.shape, usedBy })),
    parameterCount: parameters.reduce((sum, { tensor }) => sum + tensor.data.length, 0),
    operators: [...counts].map(([opType, count]) => ({ opType, count })).sort((a, b) => b.count - a.count),
    obstacles,
  };
}
