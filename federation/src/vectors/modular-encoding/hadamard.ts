import { compile } from '../../webassembly/index.js';
import { hadamardModule } from './hadamard-module.js';

/**
 * The orthonormal Walsh-Hadamard transform of `vector` in place, after the elements whose bit in `before` is set have
 * changed their sign, and before those whose bit in `after` is set do. The length is a power of two. Every butterfly is
 * rounded to f32, so that both implementations give the same bits.
 */
export function hadamard(vector: Float32Array, before: Uint8Array, after: Uint8Array): void {
  if (vector.length < 32 || !webAssemblyHadamard(vector, before, after)) {
    javascriptHadamard(vector, before, after);
  }
}

/** Butterflies of distances 1, 2, 4, …, one after the other. */
export function javascriptHadamard(vector: Float32Array, before: Uint8Array, after: Uint8Array): void {
  const length = vector.length;
  scaleSigned(vector, 1, before);
  for (let distance = 1; distance < length; distance *= 2) {
    for (let group = 0; group < length; group += 2 * distance) {
      for (let i = group; i < group + distance; i += 1) {
        const a = vector[i];
        const b = vector[i + distance];
        vector[i] = a + b;
        vector[i + distance] = a - b;
      }
    }
  }
  scaleSigned(vector, 1 / Math.sqrt(length), after);
}

const instance = compile<'flip' | 'near' | 'far' | 'last' | 'scale'>(hadamardModule());
/** Serves all vectors up to a million elements; a larger one gets a memory that goes when it is done. */
const kept = instance?.();
const keptBytes = 4 * 2 ** 20;
const pageBytes = 65_536;
/** Bytes whose near butterflies are all done before going on: half a first-level cache. */
const cachedBytes = 16 * 1024;

/** The same with vectors of four; false where there are none. The length is at least 32. */
export function webAssemblyHadamard(vector: Float32Array, before: Uint8Array, after: Uint8Array): boolean {
  const end = vector.byteLength;
  const exports = end <= keptBytes ? kept : instance?.();
  if (exports === undefined) return false;
  const signBytes = before.length;
  const missing = end + signBytes + 8 - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / pageBytes));
  const { buffer } = exports.memory;
  const inside = new Float32Array(buffer, 0, vector.length);
  const signs = new Uint8Array(buffer, end, signBytes);
  inside.set(vector);
  signs.set(before);
  exports.flip(end, end);
  exports.near(end);
  const block = Math.min(end, cachedBytes);
  let distance = 16;
  for (let from = 0; from < end; from += block) {
    for (distance = 16; 4 * distance <= block; distance *= 4) exports.far(from, from + block, distance);
  }
  for (; 4 * distance <= end; distance *= 4) exports.far(0, end, distance);
  if (2 * distance <= end) exports.last(end, distance);
  signs.set(after);
  exports.flip(end, end);
  new DataView(buffer).setFloat64(end + signBytes, 1 / Math.sqrt(vector.length), true);
  exports.scale(end, end + signBytes);
  vector.set(inside);
  return true;
}

/** `vector[i]` becomes ±scale·vector[i], minus where bit i % 8 of byte i / 8 of `signs` is set. */
function scaleSigned(vector: Float32Array, scale: number, signs: Uint8Array): void {
  for (let i = 0; i < vector.length; i += 1)
    vector[i] *= ((signs[i >> 3] >> (i & 7)) & 1) === 1 ? -scale : scale;
}
