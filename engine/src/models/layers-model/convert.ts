/** From a layers model to an ONNX model with the same parameters, in the layout that TensorFlow.js keeps them in. */
import { isRecord } from '../../fields.js';
import { GraphBuilder, type Model, removeUnused, type Value } from '../../onnx/index.js';
import { type Layer, type LayerContext, layerKinds } from './layers/index.js';
import { invalid, type LayerConfig, type LayersModel, list, readLayer } from './read.js';

/**
 * Sequential and functional models. Inputs and weights keep the layout of TensorFlow.js (channels last), so that one flat
 * vector of parameters serves both runtimes.
 * @throws ModelError for layers that are not known, naming them
 */
export function convertLayersModel({ topology, weights }: LayersModel, wanted?: string): Model {
  const builder = new GraphBuilder({ name: topology.name });
  const used = new Set<string>();
  const context = ({ name }: LayerConfig): LayerContext => {
    const find = (kind: string): Value | undefined => {
      const key = `${name}/${kind}`;
      if (used.has(key)) return builder.value(key);
      const stored = weights.get(key);
      if (stored === undefined) return undefined;
      used.add(key);
      return builder.initializer(key, stored);
    };
    return {
      b: builder,
      find,
      weight: (kind) =>
        find(kind) ?? fail(`layer ${name} lacks its weight ${name}/${kind}; save the model with its weights`),
    };
  };
  const layers = list(topology.config.layers, 'layers').map((layer) => readLayer(layer, topology.name));
  const output =
    topology.className === 'Sequential'
      ? sequential(layers, builder, context)
      : functional(topology, layers, builder, context);
  const chosen = wanted === undefined ? output : builder.find(wanted);
  if (chosen === undefined) throw invalid(`the model has no value named ${JSON.stringify(wanted)}`);
  builder.output(chosen, 'output');
  const model = builder.build();
  return { ...model, graph: removeUnused(model.graph) };
}

type ContextOf = (layer: LayerConfig) => LayerContext;

function kindOf({ className, name }: LayerConfig): Layer {
  const layer = layerKinds.get(className);
  if (layer !== undefined) return layer;
  throw invalid(
    `layer ${name} is a ${className}, which is not known; use ${[...layerKinds.keys()].join(', ')}, or convert the model to ONNX`,
  );
}

function inputOf({ config, name }: LayerConfig, builder: GraphBuilder): Value {
  const shape = config.batch_input_shape ?? config.batch_shape;
  const sizes = Array.isArray(shape) ? shape.slice(1) : [];
  if (!Array.isArray(shape) || !sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw invalid(
      `layer ${name} takes [${shape}]: all sizes but the batch must be fixed; give the model an inputShape`,
    );
  }
  return builder.input('input', config.dtype === 'int32' ? 'int32' : 'float32', [
    'batch',
    ...sizes.map(Number),
  ]);
}

function sequential(layers: readonly LayerConfig[], builder: GraphBuilder, context: ContextOf): Value {
  const [first] = layers;
  if (first === undefined) throw invalid('the model has no layers');
  let value = inputOf(first, builder);
  for (const layer of layers) {
    if (layer.className !== 'InputLayer') value = kindOf(layer)(context(layer), [value], layer.config);
  }
  return value;
}

function functional(
  { config }: LayerConfig,
  layers: readonly LayerConfig[],
  builder: GraphBuilder,
  context: ContextOf,
): Value {
  const values = new Map<string, Value>();
  const inputs = layers.filter(({ className }) => className === 'InputLayer');
  if (inputs.length !== 1) throw invalid(`the model has ${inputs.length} inputs; it must have one`);
  values.set(inputs[0].name, inputOf(inputs[0], builder));
  let waiting = layers.filter(({ className }) => className !== 'InputLayer');
  while (waiting.length > 0) {
    const later = waiting.filter((layer) => {
      const names = inboundNames(layer);
      const found = names.flatMap((name) => values.get(name) ?? []);
      if (found.length < names.length) return true;
      values.set(layer.name, kindOf(layer)(context(layer), found, layer.config));
      return false;
    });
    if (later.length === waiting.length) {
      throw invalid(
        `layer ${later[0].name} waits for ${inboundNames(later[0]).join(', ')}, which never come; save the model again`,
      );
    }
    waiting = later;
  }
  const [output] = list(config.output_layers, 'output_layers').flat();
  const value = values.get(String(output));
  return value ?? fail(`the model has no layer ${output}, which should be its output`);
}

function inboundNames({ name, inbound }: LayerConfig): readonly string[] {
  const calls = list(inbound, `inbound_nodes of ${name}`);
  if (calls.length !== 1 || !Array.isArray(calls[0])) {
    throw invalid(
      `layer ${name} is called ${calls.length} times; models whose layers share weights must be converted to ONNX`,
    );
  }
  return calls[0].map((call: unknown) =>
    Array.isArray(call) ? String(call[0]) : isRecord(call) ? String(call.name) : '',
  );
}

function fail(problem: string): never {
  throw invalid(problem);
}
