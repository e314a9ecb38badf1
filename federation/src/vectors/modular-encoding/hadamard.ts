import { compile } from '../../webassembly/index.js';
import { hadamardModule } from './hadamard-module.js';

/**
 * The orthonormal Walsh-Hadamard transform of `vector` in place; its own inverse. The length is a power of two. Every
 * butterfly is rounded to f32, so that both implementations give the same bits.
 */
export function hadamard(vector: Float32Array): void {
  if (vector.length < 16 || !webAssemblyHadamard(vector)) javascriptHadamard(vector);
  const scale = 1 / Math.sqrt(vector.length);
  for (let i = 0; i < vector.length; i += 1) vector[i] *= scale;
}

/** Without the scale: butterflies of distances 1, 2, 4, …, one after the other. */
export function javascriptHadamard(vector: Float32Array): void {
  const length = vector.length;
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
}

const pageBytes = 65_536;
const instance = compile<'near' | 'far' | 'last'>(hadamardModule());
/** Bytes whose near butterflies are all done before going on: half a first-level cache. */
const cachedBytes = 16 * 1024;

/** The same with vectors of four; false where there are none. The length is at least 16. */
export function webAssemblyHadamard(vector: Float32Array): boolean {
  const end = vector.byteLength;
  if (instance === undefined) return false;
  // A memory of its own for each call: one that is kept would hold the largest model for ever.
  const exports = instance();
  exports.memory.grow(Math.ceil(end / pageBytes));
  const inside = new Float32Array(exports.memory.buffer, 0, vector.length);
  inside.set(vector);
  exports.near(end);
  const block = Math.min(end, cachedBytes);
  // 16 bytes are a vector of four, whose inner distances are done; 16 KiB hold five more pairs of distances.
  let distance = 16;
  for (let from = 0; from < end; from += block) {
    for (distance = 16; 4 * distance <= block; distance *= 4) exports.far(from, from + block, distance);
  }
  for (; 4 * distance <= end; distance *= 4) exports.far(0, end, distance);
  if (2 * distance <= end) exports.last(end, distance);
  vector.set(inside);
  return true;
}
