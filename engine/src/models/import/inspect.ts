import { hasGradientRule } from '../../autodiff/index.js';
import { describe } from '../../onnx/attributes.js';
import {
  builderFromModel,
  type Dimension,
  isFloatingPoint,
  type Model,
  OnnxError,
  type Value,
} from '../../onnx/index.js';
import { readTrainedPart } from './external-data.js';
import { foldImported } from './fold.js';
import { listedParameters } from './parameter-names.js';
import { restoreParameters } from './restore-parameters.js';
import { type ParameterTensor, parameterTensors, passing } from './trainable-tensors.js';

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
  /** The nodes that hold parameters, in the order in which they are computed. */
  readonly layers: readonly {
    readonly name: string;
    readonly opType: string;
    readonly parameters: readonly string[];
    readonly outputShape: readonly Dimension[];
  }[];
  readonly operators: readonly { readonly opType: string; readonly count: number }[];
  /** Parameters that the exporter lists and the file does not have under their names. */
  readonly missing: readonly string[];
  /** What keeps the model from being trained, and what to do about it. */
  readonly obstacles: readonly { readonly node: string; readonly message: string }[];
}

/** What a model file consists of. @throws OnnxError where it cannot be read at all */
export function inspectModel(path: string): InspectedModel {
  return inspect(restoreParameters(readTrainedPart(path)));
}

/** What a model that was read consists of. */
export function inspect(model: Model): InspectedModel {
  let graph = model.graph;
  const obstacles: { node: string; message: string }[] = [];
  try {
    graph = foldImported(model).graph;
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    obstacles.push({ node: '', message: error.message });
  }
  const parameters = parameterTensors({ graph, metadata: model.metadata });
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
    layers: layersOf({ ...model, graph }, parameters),
    opset: model.opsets[''] ?? 0,
    inputs: model.graph.inputs,
    outputs: graph.outputs.filter(({ dataType }) => isFloatingPoint(dataType)),
    parameters: parameters.map(({ name, tensor, usedBy }) => ({ name, shape: tensor.shape, usedBy })),
    parameterCount: parameters.reduce((sum, { tensor }) => sum + tensor.data.length, 0),
    operators: [...counts].map(([opType, count]) => ({ opType, count })).sort((a, b) => b.count - a.count),
    missing: listedParameters(model.metadata).filter((name) => !graph.initializers.has(name)),
    obstacles,
  };
}

/** A node is a layer where a parameter reaches it, at most reshaped or turned on its way. */
function layersOf(model: Model, parameters: readonly ParameterTensor[]): InspectedModel['layers'] {
  const origins = new Map(parameters.map(({ name }) => [name, [name]]));
  const shapes = shapesOf(model);
  return model.graph.nodes.flatMap((node) => {
    const own = node.inputs.flatMap((name) => origins.get(name) ?? []);
    if (own.length === 0) return [];
    if (passing.has(node.opType)) {
      origins.set(node.outputs[0], own);
      return [];
    }
    const outputShape = shapes(node.outputs[0]);
    return [{ name: node.name, opType: node.opType, parameters: [...new Set(own)], outputShape }];
  });
}

function shapesOf(model: Model): (name: string) => readonly Dimension[] {
  try {
    const { builder } = builderFromModel(model);
    return (name) => builder.value(name).shape;
  } catch (error) {
    // What keeps the shapes from being told is among the obstacles.
    if (!(error instanceof OnnxError)) throw error;
    return () => [];
  }
}
