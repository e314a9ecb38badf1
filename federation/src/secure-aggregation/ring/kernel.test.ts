import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../../ports/index.js';
import { kernelFor, type RingKernel } from './kernel.js';
import { javascriptKernel } from './kernel-javascript.js';
import { webAssemblyKernel } from './kernel-webassembly.js';
import { blockElements, packedLength } from './packing.js';

const allBits = Array.from({ length: 32 }, (_, i) => i + 1);

function randomElements(count: number, seed: string): Uint32Array {
  const bytes = createSeededEntropy(seed).bytes(4 * count);
  return new Uint32Array(bytes.buffer, bytes.byteOffset, count);
}

/** The layout as its description has it, bit by bit and with big integers. */
function elementOf(packed: Uint8Array, index: number, bits: number): number {
  const block = Math.floor(index / blockElements);
  const width = bits <= 16 ? 16 : 32;
  const lanes = 128 / width;
  const lane = index % lanes;
  const row = Math.floor((index % blockElements) / lanes);
  let element = 0n;
  for (let bit = 0; bit < bits; bit += 1) {
    const position = row * bits + bit;
    const word = 16 * Math.floor(position / width) + (width / 8) * lane;
    const byte = 16 * bits * block + word + Math.floor((position % width) / 8);
    element |= BigInt((packed[byte] >> (position % 8)) & 1) << BigInt(bit);
  }
  return Number(element);
}

function packWith(kernel: RingKernel, elements: Uint32Array): Uint8Array {
  const packed = new Uint8Array(packedLength(elements.length, kernel.bits));
  kernel.load(elements);
  kernel.pack(packed);
  return packed;
}

test.each(allBits)('%i bits: packed elements lie where the layout says', (bits) => {
  const elements = randomElements(300, `layout ${bits}`);
  const packed = packWith(kernelFor(bits), elements);
  expect(packed.length).toBe(3 * 16 * bits);
  for (let i = 0; i < 300; i += 1) expect(elementOf(packed, i, bits)).toBe(elements[i] % 2 ** bits);
});

test.each(allBits)('%i bits: WebAssembly and JavaScript give the same bits', (bits) => {
  const fast = webAssemblyKernel(bits);
  if (fast === undefined) throw new Error('this machine has no WebAssembly SIMD');
  const slow = javascriptKernel(bits);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 700 }), fc.integer(), (count, seed) => {
      const elements = randomElements(count, `elements ${seed}`);
      const length = packedLength(count, bits);
      const [plus, minus] = ['plus', 'minus'].map((label) =>
        createSeededEntropy(`${label} ${seed}`).bytes(length),
      );
      const results = [fast, slow].map((kernel) => {
        const sum = new Uint32Array(count);
        const packed = new Uint8Array(length);
        kernel.load(elements);
        kernel.add(plus);
        kernel.subtract(minus);
        kernel.store(sum);
        kernel.pack(packed);
        return { sum, packed };
      });
      expect(results[0]).toEqual(results[1]);
      const { sum } = results[0];
      for (let i = 0; i < count; i += 97) {
        const modulus = 2 ** bits;
        const exact = (elements[i] % modulus) + elementOf(plus, i, bits) - elementOf(minus, i, bits);
        expect(sum[i]).toBe((exact + modulus) % modulus);
      }
    }),
    { numRuns: 15 },
  );
});

test('packing and adding to zeros is the identity, at the extremes too', () => {
  for (const bits of allBits) {
    const kernel = kernelFor(bits);
    const elements = Uint32Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 2 ** bits - 1 : 0));
    const packed = packWith(kernel, elements);
    const read = new Uint32Array(200);
    kernel.load(read);
    kernel.add(packed);
    kernel.store(read);
    expect(read).toEqual(elements);
  }
});

test('bytes that do not begin at a word are read', () => {
  const shifted = new Uint8Array(packedLength(128, 9) + 1).subarray(1);
  shifted.set(createSeededEntropy('shifted').bytes(shifted.length));
  const results = [kernelFor(9), javascriptKernel(9)].map((kernel) => {
    const read = new Uint32Array(128);
    kernel.load(read);
    kernel.add(shifted);
    kernel.store(read);
    return read;
  });
  expect(results[0]).toEqual(results[1]);
});

test('rings there are not are refused', () => {
  for (const bits of [0, 33, 1.5, Number.NaN]) expect(() => kernelFor(bits)).toThrow(/1\.\.32 bits/);
});
