import { compile } from '../../webassembly/index.js';
import { hadamardModule } from './hadamard-module.js';

/**
 * The orthonormal Walsh-Hadamard transform of `vector` in place, after the elements whose bit in `before` is set have
 * changed their sign, and before those whose bit in `after` is set do. The length is a power of two. Every butterfly is
 * rounded to f32, so that both implementations give the same bits.
 */
export function hadamard(vector: Float32Array, before: Uint8Array, after: Uint8Array): void {
  if (vector.length < 16 || !webAssemblyHadamard(vector, before, after)) {
    javascriptHadamard(vector, before, after);
  }
}

/** Butterflies of distances 1, 2, 4, …, one after the other. */
export function javascriptHadamard(vector: Float32Array, before: Uint8Array, after: Uint8Array): void {
  const length = vector.length;
  copySigned(vector, vector, 1, before);
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
  copySigned(vector, vector, 1 / Math.sqrt(length), after);
}

const instance = compile<'near' | 'far' | 'last'>(hadamardModule());
/** Serves all vectors up to a million elements; a larger one gets a memory that goes when it is done. */
const kept = instance?.();
const keptBytes = 4 * 2 ** 20;
const pageBytes = 65_536;
/** Bytes whose near butterflies are all done before going on: half a first-level cache. */
const cachedBytes = 16 * 1024;

/** The same with vectors of four; false where there are none. The length is at least 16. */
export function webAssemblyHadamard(vector: Float32Array, before: Uint8Array, after: Uint8Array): boolean {
  const end = vector.byteLength;
  const exports = end <= keptBytes ? kept : instance?.();
  if (exports === undefined) return false;
  const missing = end - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / pageBytes));
  const inside = new Float32Array(exports.memory.buffer, 0, vector.length);
  copySigned(vector, inside, 1, before);
  exports.near(end);
  const block = Math.min(end, cachedBytes);
  let distance = 16;
  for (let from = 0; from < end; from += block) {
    for (distance = 16; 4 * distance <= block; distance *= 4) exports.far(from, from + block, distance);
  }
  for (; 4 * distance <= end; distance *= 4) exports.far(0, end, distance);
  if (2 * distance <= end) exports.last(end, distance);
  copySigned(inside, vector, 1 / Math.sqrt(vector.length), after);
  return true;
}

/** `to[i]` becomes ±scale·from[i], minus where bit i % 8 of byte i / 8 of `signs` is set. */
function copySigned(from: Float32Array, to: Float32Array, scale: number, signs: Uint8Array): void {
  const length = from.length;
  if (length < 8) {
    for (let i = 0; i < length; i += 1) to[i] = from[i] * (((signs[0] >> i) & 1) === 1 ? -scale : scale);
    return;
  }
  const twice = 2 * scale;
  for (let i = 0; i < length; i += 8) {
    const byte = signs[i >> 3];
    to[i] = from[i] * (scale - twice * (byte & 1));
    to[i + 1] = from[i + 1] * (scale - twice * ((byte >> 1) & 1));
    to[i + 2] = from[i + 2] * (scale - twice * ((byte >> 2) & 1));
    to[i + 3] = from[i + 3] * (scale - twice * ((byte >> 3) & 1));
    to[i + 4] = from[i + 4] * (scale - twice * ((byte >> 4) & 1));
    to[i + 5] = from[i + 5] * (scale - twice * ((byte >> 5) & 1));
    to[i + 6] = from[i + 6] * (scale - twice * ((byte >> 6) & 1));
    to[i + 7] = from[i + 7] * (scale - twice * (byte >> 7));
  }
}
