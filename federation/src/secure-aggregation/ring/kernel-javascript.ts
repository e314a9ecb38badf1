import { kernelElements, type RingKernel } from './kernel.js';
import { blockBytes, blockElements, largestElement } from './packing.js';

/** The same as the WebAssembly kernel, one element at a time: for machines without SIMD, and as its oracle. */
export function javascriptKernel(bits: number): RingKernel {
  const area = new Uint32Array(kernelElements);
  const mask = largestElement(bits);
  let blocks = 0;
  let loaded = 0;

  const accumulate = (packed: Uint8Array, sign: 1 | -1): void => {
    const words = wordsOf(packed, blocks * blockBytes(bits));
    for (let block = 0; block < blocks; block += 1) {
      const base = block * 4 * bits;
      for (let i = 0; i < blockElements; i += 1) {
        area[block * blockElements + i] += sign * readElement(words, base, i, bits);
      }
    }
  };

  return {
    bits,
    load(elements) {
      loaded = elements.length;
      blocks = Math.ceil(loaded / blockElements);
      area.set(elements);
      area.fill(0, loaded, blocks * blockElements);
    },
    add: (packed) => accumulate(packed, 1),
    subtract: (packed) => accumulate(packed, -1),
    store(into) {
      for (let i = 0; i < into.length; i += 1) into[i] = (area[i] & mask) >>> 0;
    },
    pack(into) {
      const words = new Uint32Array(blocks * 4 * bits);
      for (let block = 0; block < blocks; block += 1) {
        for (let i = 0; i < blockElements; i += 1) {
          writeElement(words, block * 4 * bits, i, bits, (area[block * blockElements + i] & mask) >>> 0);
        }
      }
      into.set(new Uint8Array(words.buffer));
    },
  };
}

/** The first `length` bytes as words; copied where they do not begin at one. */
function wordsOf(packed: Uint8Array, length: number): Uint32Array {
  const bytes = packed.byteOffset % 4 === 0 ? packed : new Uint8Array(packed);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4);
}

function readElement(words: Uint32Array, base: number, index: number, bits: number): number {
  const lane = index & 3;
  const position = (index >> 2) * bits;
  const at = base + 4 * (position >> 5) + lane;
  const shift = position & 31;
  // Bits above the ring's may be anything: the ring's own do not depend on them.
  return shift + bits <= 32 ? words[at] >>> shift : (words[at] >>> shift) | (words[at + 4] << (32 - shift));
}

function writeElement(words: Uint32Array, base: number, index: number, bits: number, element: number): void {
  const lane = index & 3;
  const position = (index >> 2) * bits;
  const at = base + 4 * (position >> 5) + lane;
  const shift = position & 31;
  words[at] |= element << shift;
  if (shift + bits > 32) words[at + 4] |= element >>> (32 - shift);
}
