/** Between the flat parameter vector and the tensors of a model, inside a graph. */
import type { TrainableModel } from '../models/trainable.js';
import { type Attribute, elementCount, type GraphBuilder, int, type Value } from '../onnx/index.js';
import type { ParameterEntry } from './manifest.js';

/** Takes the tensors out of the flat vector `[parameterCount]`, in the manifest's order. */
export function splitParameters(
  builder: GraphBuilder,
  flat: Value,
  entries: readonly ParameterEntry[],
): readonly Value[] {
  const sizes = builder.ints(entries.map(({ shape }) => elementCount(shape)));
  const parts =
    entries.length === 1 ? [flat] : builder.ops('Split', [flat, sizes], entries.length, { axis: int(0) });
  return parts.map((part, index) => builder.op('Reshape', [part, builder.ints(entries[index].shape)]));
}

/** The input for what devices keep to themselves, where a model has such. */
export function localInput(
  builder: GraphBuilder,
  { local }: Pick<TrainableModel, 'local'>,
  name: string,
): Value | undefined {
  return local && builder.input(name, 'float32', [local.start.length]);
}

/** The tensors of both vectors, in the order of {@link allParameters}. */
export function splitAll(
  builder: GraphBuilder,
  { parameters, local }: Pick<TrainableModel, 'parameters' | 'local'>,
  flat: Value,
  flatLocal: Value | undefined,
): readonly Value[] {
  const shared = splitParameters(builder, flat, parameters);
  if (local === undefined || flatLocal === undefined) return shared;
  return [...shared, ...splitParameters(builder, flatLocal, local.parameters)];
}

/** Puts tensors one after the other into a flat vector, which is an output of the graph under that name. */
export function joinParameters(builder: GraphBuilder, tensors: readonly Value[], name: string): Value {
  const parts = tensors.map((tensor) => builder.op('Reshape', [tensor, builder.ints([-1])]));
  return namedOutput(builder, 'Concat', parts, name, { axis: int(0) });
}

/** Adds a node whose result is an output of the graph; unlike renaming a value, this copies nothing. */
export function namedOutput(
  builder: GraphBuilder,
  opType: string,
  inputs: readonly Value[],
  name: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): Value {
  const [value] = builder.append({
    name: `${opType}/${name}`,
    opType,
    domain: '',
    inputs: inputs.map((input) => input.name),
    outputs: [name],
    attributes,
  });
  return builder.output(value);
}
