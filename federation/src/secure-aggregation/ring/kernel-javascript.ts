import { kernelElements, type RingKernel } from './kernel.js';
import { blockBytes, blockElements, largestElement, wordBits } from './packing.js';

/** The same as the WebAssembly kernel, one element at a time: for machines without SIMD, and as its oracle. */
export function javascriptKernel(bits: number): RingKernel {
  const area = new Uint32Array(kernelElements);
  const mask = largestElement(bits);
  const lanes = 128 / wordBits(bits);
  let blocks = 0;
  let loaded = 0;

  const accumulate = (packed: Uint8Array, sign: 1 | -1): void => {
    const words = wordsOf(packed, bits, blocks * blockBytes(bits));
    for (let block = 0; block < blocks; block += 1) {
      const base = block * lanes * bits;
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
      const bytes = new Uint8Array(blocks * blockBytes(bits));
      const words = wordsOf(bytes, bits, bytes.length);
      for (let block = 0; block < blocks; block += 1) {
        const base = block * lanes * bits;
        for (let i = 0; i < blockElements; i += 1) {
          writeElement(words, base, i, bits, (area[block * blockElements + i] & mask) >>> 0);
        }
      }
      into.set(bytes);
    },
  };
}

/** The first `length` bytes as words; copied where they do not begin at one. */
function wordsOf(packed: Uint8Array, bits: number, length: number): Uint16Array | Uint32Array {
  const bytes = packed.byteOffset % 4 === 0 ? packed : new Uint8Array(packed);
  return wordBits(bits) === 16
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, length / 2)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4);
}

function readElement(words: Uint16Array | Uint32Array, base: number, index: number, bits: number): number {
  const width = wordBits(bits);
  const lanes = 128 / width;
  const position = Math.floor(index / lanes) * bits;
  const at = base + lanes * Math.floor(position / width) + (index % lanes);
  const shift = position % width;
  // Bits above the ring's may be anything: the ring's own do not depend on them.
  return shift + bits <= width
    ? words[at] >>> shift
    : (words[at] >>> shift) | (words[at + lanes] << (width - shift));
}

function writeElement(
  words: Uint16Array | Uint32Array,
  base: number,
  index: number,
  bits: number,
  element: number,
): void {
  const width = wordBits(bits);
  const lanes = 128 / width;
  const position = Math.floor(index / lanes) * bits;
  const at = base + lanes * Math.floor(position / width) + (index % lanes);
  const shift = position % width;
  words[at] |= element << shift;
  if (shift + bits > width) words[at + lanes] |= element >>> (width - shift);
}
