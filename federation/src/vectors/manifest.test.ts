import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { VectorError, type VectorErrorCode } from './errors.js';
import {
  checkManifest,
  elementCount,
  flatten,
  unflatten,
  type VectorEntry,
  type VectorManifest,
} from './manifest.js';

const manifests = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { maxLength: 6 })
  .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), shapes))).map(manifestOf));
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });

function manifestOf(tensors: readonly (readonly [string, readonly number[]])[]): VectorManifest {
  let offset = 0;
  const parameters = tensors.map(([name, shape]): VectorEntry => {
    const entry = { name, shape, offset };
    offset += elementCount(shape);
    return entry;
  });
  return { parameters, parameterCount: offset };
}

function codeOf(action: () => unknown): VectorErrorCode | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof VectorError) return error.code;
    throw error;
  }
  return undefined;
}

test('flatten undoes unflatten', () => {
  fc.assert(
    fc.property(manifests, (manifest) => {
      const flat = Float32Array.from({ length: manifest.parameterCount }, (_, i) => i);
      const tensors = unflatten(manifest, flat);
      expect([...tensors.keys()]).toEqual(manifest.parameters.map(({ name }) => name));
      expect(flatten(manifest, tensors)).toEqual(flat);
    }),
  );
});

test('unflatten gives views, flatten a copy', () => {
  const manifest = manifestOf([
    ['weight', [2, 3]],
    ['bias', [3]],
  ]);
  const flat = new Float32Array(9);
  const tensors = unflatten(manifest, flat);
  tensors.get('bias')?.fill(5);
  expect([...flat]).toEqual([0, 0, 0, 0, 0, 0, 5, 5, 5]);
  flatten(manifest, tensors).fill(1);
  expect(flat[0]).toBe(0);
});

test('what does not fit the manifest is refused by name', () => {
  const manifest = manifestOf([
    ['weight', [2, 3]],
    ['bias', [3]],
  ]);
  const weight = new Float32Array(6);
  const bias = new Float32Array(3);
  const flattened = (...tensors: [string, Float32Array][]): unknown => flatten(manifest, new Map(tensors));
  expect(() => flattened(['weight', weight])).toThrow('"bias"');
  expect(codeOf(() => flattened(['weight', weight]))).toBe('unknown-tensor');
  expect(codeOf(() => flattened(['weight', bias], ['bias', bias]))).toBe('wrong-length');
  expect(() => flattened(['weight', weight], ['bias', bias], ['scale', bias])).toThrow('scale');
  expect(codeOf(() => unflatten(manifest, new Float32Array(10)))).toBe('wrong-length');
});

test('a manifest with gaps, overlaps, twins or a wrong total is refused', () => {
  const a = { name: 'a', shape: [2], offset: 0 };
  const broken: VectorManifest[] = [
    { parameters: [a, { name: 'b', shape: [2], offset: 3 }], parameterCount: 5 },
    { parameters: [a, { name: 'b', shape: [2], offset: 1 }], parameterCount: 3 },
    { parameters: [a, { name: 'a', shape: [2], offset: 2 }], parameterCount: 4 },
    { parameters: [{ name: 'a', shape: [-2], offset: 0 }], parameterCount: -2 },
    { parameters: [a], parameterCount: 3 },
  ];
  for (const manifest of broken) {
    expect(codeOf(() => checkManifest(manifest))).toBe('invalid-manifest');
  }
});
