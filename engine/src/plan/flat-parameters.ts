/** Between the flat parameter vector and the tensors of a model, inside a graph. */
import { type GraphBuilder, int, type Value } from '../onnx/index.js';
import type { ParameterEntry } from './manifest.js';

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

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

/** Puts tensors one after the other into a flat vector. */
export function joinParameters(builder: GraphBuilder, tensors: readonly Value[]): Value {
  const parts = tensors.map((tensor) => builder.op('Reshape', [tensor, builder.ints([-1])]));
  return parts.length === 1 ? parts[0] : builder.op('Concat', parts, { axis: int(0) });
}
