import { maskAndPack } from '../secure-aggregation/masks/index.js';
import { largestElement } from '../secure-aggregation/ring/index.js';
import { hex } from './text.js';

/** Multiples of a prime: all bits of an element take both values. */
export function elementsOf(bits: number, length: number): Uint32Array {
  const elements = Uint32Array.from({ length }, (_, i) => ((i + 1) * 2_654_435_761) % 2 ** bits);
  elements[1] = largestElement(bits);
  return elements;
}

/** Elements and their packed form; two blocks, the second of two elements. */
export function ringVectors(): object {
  return {
    describes: 'ring packing: docs/protocol.md, "Elements and packing"',
    cases: [1, 5, 12, 16, 17, 32].map((bits) => {
      const elements = elementsOf(bits, 130);
      return { ringBits: bits, elements: Array.from(elements), packed: hex(maskAndPack(elements, [], bits)) };
    }),
  };
}
