import { compile } from '../../webassembly/index.js';
import { kernelElements, type RingKernel } from './kernel.js';
import { kernelModule } from './kernel-module.js';
import { blockBytes, blockElements, largestElement, wordBits } from './packing.js';

const pageBytes = 65_536;

/** The kernel in WebAssembly with 128-bit SIMD; undefined where the engine has none. */
export function webAssemblyKernel(bits: number): RingKernel | undefined {
  const streamAt = 4 * kernelElements;
  const streamBytes = (kernelElements / blockElements) * blockBytes(bits);
  const module = kernelModule(bits, streamAt, Math.ceil((streamAt + streamBytes) / pageBytes));
  const exports = compile<'add' | 'subtract' | 'pack'>(module)?.();
  if (exports === undefined) return undefined;
  const Words = wordBits(bits) === 16 ? Uint16Array : Uint32Array;
  const area = new Words(exports.memory.buffer, 0, kernelElements);
  const stream = new Uint8Array(exports.memory.buffer, streamAt, streamBytes);
  const mask = largestElement(bits);
  let blocks = 0;
  return {
    bits,
    load(elements) {
      blocks = Math.ceil(elements.length / blockElements);
      area.set(elements);
      area.fill(0, elements.length, blocks * blockElements);
    },
    add(packed) {
      if (blocks === 0) return;
      stream.set(packed);
      exports.add(blocks);
    },
    subtract(packed) {
      if (blocks === 0) return;
      stream.set(packed);
      exports.subtract(blocks);
    },
    store(into) {
      for (let i = 0; i < into.length; i += 1) into[i] = area[i] & mask;
    },
    pack(into) {
      if (blocks === 0) return;
      exports.pack(blocks);
      into.set(stream.subarray(0, blocks * blockBytes(bits)));
    },
  };
}
