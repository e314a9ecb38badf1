import { javascriptKernel } from './kernel-javascript.js';
import { webAssemblyKernel } from './kernel-webassembly.js';
import { checkRingBits } from './packing.js';

/** Elements that a kernel works on at a time: they and a stream for them stay in the second-level cache. */
export const kernelElements = 65_536;

/**
 * Arithmetic of Z_2^bits on a work area of up to `kernelElements` elements: load them, add and subtract any number of
 * packed vectors, then store or pack the result. The area is the kernel's own, so that it never moves.
 */
export interface RingKernel {
  readonly bits: number;
  /** Fills the area with `elements`, at most `kernelElements`; bits above the ring's are ignored. */
  load(elements: Uint32Array): void;
  /** Adds a packed vector of as many blocks as the loaded elements have. */
  add(packed: Uint8Array): void;
  subtract(packed: Uint8Array): void;
  /** Copies the first elements out, reduced modulo 2^bits. */
  store(into: Uint32Array): void;
  /** Packs what is loaded into `into`; elements beyond the loaded ones are what the last block's masks made of zeros. */
  pack(into: Uint8Array): void;
}

const kernels = new Map<number, RingKernel>();

/** The kernel for Z_2^bits, made on first use: WebAssembly where there is SIMD, else JavaScript. */
export function kernelFor(bits: number): RingKernel {
  checkRingBits(bits);
  let kernel = kernels.get(bits);
  if (kernel === undefined) {
    kernel = webAssemblyKernel(bits) ?? javascriptKernel(bits);
    kernels.set(bits, kernel);
  }
  return kernel;
}
