import { compile } from '../../webassembly/index.js';
import { kernelElements, type RingKernel } from './kernel.js';
import { kernelModule } from './kernel-module.js';
import { blockBytes, blockElements } from './packing.js';

const pageBytes = 65_536;

/** The kernel in WebAssembly with 128-bit SIMD; undefined where the engine has none. */
export function webAssemblyKernel(bits: number): RingKernel | undefined {
  const streamAt = 4 * kernelElements;
  const streamBytes = (kernelElements / blockElements) * blockBytes(bits);
  const wideAt = streamAt + streamBytes;
  const pages = Math.ceil((wideAt + 4 * kernelElements) / pageBytes);
  const module = kernelModule(bits, streamAt, wideAt, pages);
  const exports = compile<'add' | 'subtract' | 'pack' | 'load' | 'store'>(module)?.();
  if (exports === undefined) return undefined;
  const wide = new Uint32Array(exports.memory.buffer, wideAt, kernelElements);
  const stream = new Uint8Array(exports.memory.buffer, streamAt, streamBytes);
  let blocks = 0;
  return {
    bits,
    load(elements) {
      blocks = Math.ceil(elements.length / blockElements);
      if (blocks === 0) return;
      wide.set(elements);
      wide.fill(0, elements.length, blocks * blockElements);
      exports.load(blocks);
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
      if (blocks === 0) return;
      exports.store(blocks);
      into.set(wide.subarray(0, into.length));
    },
    pack(into) {
      if (blocks === 0) return;
      exports.pack(blocks);
      into.set(stream.subarray(0, blocks * blockBytes(bits)));
    },
  };
}
