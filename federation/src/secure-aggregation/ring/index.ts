/** Z_2^bits: packed to exactly its bits, added without unpacking first. */

export { kernelElements, kernelFor, type RingKernel } from './kernel.js';
export { javascriptKernel } from './kernel-javascript.js';
export { webAssemblyKernel } from './kernel-webassembly.js';
export {
  blockBytes,
  blockElements,
  checkRingBits,
  largestElement,
  packedLength,
  ringBitsMaximum,
} from './packing.js';
