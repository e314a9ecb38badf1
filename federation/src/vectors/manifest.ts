import { VectorError } from './errors.js';

/** One tensor of the flat vector; a plan's parameter entries are of this shape. */
export interface VectorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** First element in the flat vector, in elements. */
  readonly offset: number;
}

/** The order of tensors in the flat vector; a plan's manifest is of this shape. */
export interface VectorManifest {
  readonly parameters: readonly VectorEntry[];
  /** Length of the flat vector, in elements. */
  readonly parameterCount: number;
}

/** Product of the dimensions; 1 for a scalar's empty shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Checks that the entries have distinct names and cover the flat vector one after the other without gap or
 * overlap; throws `VectorError` `invalid-manifest` naming the entry that breaks it.
 */
export function checkManifest(manifest: VectorManifest): void {
  const names = new Set<string>();
  let expected = 0;
  for (const { name, shape, offset } of manifest.parameters) {
    if (names.has(name)) {
      throw new VectorError('invalid-manifest', `the manifest names the tensor "${name}" twice`);
    }
    names.add(name);
    if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
      throw new VectorError(
        'invalid-manifest',
        `tensor "${name}" has the shape [${shape}]; dimensions are non-negative integers`,
      );
    }
    if (offset !== expected) {
      throw new VectorError(
        'invalid-manifest',
        `tensor "${name}" starts at element ${offset}, but the tensors before it end at ${expected}`,
      );
    }
    expected += elementCount(shape);
  }
  if (manifest.parameterCount !== expected) {
    throw new VectorError(
      'invalid-manifest',
      `the manifest says ${manifest.parameterCount} parameters, but its tensors have ${expected}`,
    );
  }
}

/**
 * Copies the tensors, each given flat in row-major order, into one new vector `[parameterCount]` in manifest order.
 * Throws `VectorError` `unknown-tensor` when one is missing or not in the manifest, `wrong-length` when one has
 * another number of elements than its shape.
 */
export function flatten(manifest: VectorManifest, tensors: ReadonlyMap<string, Float32Array>): Float32Array {
  checkManifest(manifest);
  const flat = new Float32Array(manifest.parameterCount);
  for (const { name, shape, offset } of manifest.parameters) {
    const tensor = tensors.get(name);
    if (tensor === undefined) {
      throw new VectorError('unknown-tensor', `the tensor "${name}" of the manifest is missing`);
    }
    if (tensor.length !== elementCount(shape)) {
      throw new VectorError(
        'wrong-length',
        `tensor "${name}" has ${tensor.length} elements, but its shape [${shape}] has ${elementCount(shape)}`,
      );
    }
    flat.set(tensor, offset);
  }
  if (tensors.size !== manifest.parameters.length) {
    const known = new Set(manifest.parameters.map(({ name }) => name));
    const extra = [...tensors.keys()].filter((name) => !known.has(name));
    throw new VectorError('unknown-tensor', `not in the manifest: ${extra.join(', ')}`);
  }
  return flat;
}

/**
 * The tensors of a flat vector by name, in manifest order, as views: nothing is copied, and writing to one
 * writes to `flat`. Throws `VectorError` `wrong-length` when `flat` is not `[parameterCount]`.
 */
export function unflatten(manifest: VectorManifest, flat: Float32Array): Map<string, Float32Array> {
  checkManifest(manifest);
  checkLength(flat, manifest.parameterCount);
  return new Map(
    manifest.parameters.map(({ name, shape, offset }) => [
      name,
      flat.subarray(offset, offset + elementCount(shape)),
    ]),
  );
}

/** Throws `VectorError` `wrong-length` when `vector` does not have `parameterCount` elements. */
export function checkLength(vector: { readonly length: number }, parameterCount: number): void {
  if (vector.length !== parameterCount) {
    throw new VectorError(
      'wrong-length',
      `the vector has ${vector.length} elements, but the manifest has ${parameterCount} parameters`,
    );
  }
}
