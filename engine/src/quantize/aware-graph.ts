/** A model's own graph, looked at for what becomes integers when it is trained with quantization. */

import type { TrainableModel } from '../models/trainable.js';
import {
  type Dimension,
  elementCount,
  type Graph,
  GraphBuilder,
  type Node,
  tensorOf,
} from '../onnx/index.js';
import { calibratedTensors, type QuantizationPoints, quantizationPoints } from './points.js';
import { findLayers, type WeightLayer } from './prepare.js';
import { usesOf } from './uses.js';

export interface AwareGraph {
  /** Input `features`; parameters are initializers of zeros, named by `parameterNames`. */
  readonly graph: Graph;
  readonly parameterNames: readonly string[];
  readonly layers: ReadonlyMap<string, WeightLayer>;
  readonly points: QuantizationPoints;
  /** Activations that have a range of their own, in the order of the parameter that holds them. */
  readonly tensors: readonly string[];
  /** Normalisations that went into the layer before them, by the layer's name. */
  readonly norms: ReadonlyMap<string, Node>;
}

export function awareGraph(model: TrainableModel, batch: Dimension = 'batch'): AwareGraph {
  const builder = new GraphBuilder({ name: 'aware' });
  const input = builder.input('features', 'float32', [batch, ...model.inputShape]);
  const parameterNames = model.parameters.map((_, index) => `parameter ${index}`);
  const parameters = model.parameters.map(({ shape }, index) =>
    builder.initializer(
      parameterNames[index],
      tensorOf('float32', shape, new Float32Array(elementCount(shape))),
    ),
  );
  const output = model.forward(builder, input, parameters);
  const { graph, norms } = joinNorms({ ...builder.graph(), outputs: [output] });
  const named = { graph, opsets: {}, metadata: {} };
  const valueNamed = (name: string) => builder.value(name);
  const layers = findLayers(graph, (name) => valueNamed(name).shape);
  const points = quantizationPoints({ model: named, layers, valueNamed });
  return {
    graph,
    parameterNames,
    layers: new Map(layers.map((layer) => [layer.name, layer])),
    points,
    tensors: calibratedTensors(points),
    norms,
  };
}

/** Takes each normalisation with stored statistics out of the graph whose layer nothing else reads. */
function joinNorms(graph: Graph): { readonly graph: Graph; readonly norms: ReadonlyMap<string, Node> } {
  const uses = usesOf(graph);
  const norms = new Map<string, Node>();
  const outputs = new Map<Node, readonly string[]>();
  const dropped = new Set<Node>();
  for (const node of graph.nodes) {
    const weight = node.inputs[1] ?? '';
    if (node.opType !== 'Conv' || !graph.initializers.has(weight)) continue;
    const [norm, another] = uses.get(node.outputs[0]) ?? [];
    if (norm?.opType !== 'BatchNormalization' || another !== undefined || norm.outputs.length !== 1) continue;
    norms.set(node.name, norm);
    outputs.set(node, norm.outputs);
    dropped.add(norm);
  }
  const nodes = graph.nodes
    .filter((node) => !dropped.has(node))
    .map((node) => ({ ...node, outputs: outputs.get(node) ?? node.outputs }));
  return { graph: { ...graph, nodes }, norms };
}
