import {
  type AssembledFunction,
  assembleModule,
  type Code,
  i32,
  i32Add,
  i32Const,
  i32Sub,
  lanesAdd,
  lanesShiftLeft,
  lanesShiftRight,
  lanesSubtract,
  localGet,
  localSet,
  loopWhile,
  narrowPair,
  v128,
  vectorAnd,
  vectorLoad,
  vectorOr,
  vectorStore,
  widenHigh,
  widenLow,
  wordsConst,
} from '../../webassembly/index.js';
import { blockBytes, blockElements, largestElement, wordBits } from './packing.js';

/**
 * The WebAssembly module for Z_2^bits, assembled for these bits: every shift is a constant and the vectors of a block
 * are unrolled. Its functions take a number of blocks, at least 1:
 *
 * - `add`, `subtract`: elements at 0 (each in a word of the ring's width) plus or minus the packed vector at `streamAt`;
 * - `pack`: the elements at 0, packed to `streamAt`;
 * - `load`, `store`: the elements at 0 from words of 32 bits at `wideAt`, and to them reduced modulo 2^bits.
 */
export function kernelModule(
  bits: number,
  streamAt: number,
  wideAt: number,
  pages: number,
): Uint8Array<ArrayBuffer> {
  return assembleModule(
    [
      overBlocks('add', bits, streamAt, accumulateBlock(bits, lanesAdd[wordBits(bits)])),
      overBlocks('subtract', bits, streamAt, accumulateBlock(bits, lanesSubtract[wordBits(bits)])),
      overBlocks('pack', bits, streamAt, packBlock(bits)),
      overWords('load', bits, wideAt, loadBlock(bits)),
      overWords('store', bits, wideAt, storeBlock(bits)),
    ],
    pages,
  );
}

// Locals: the parameter, two addresses, two vectors.
const blocks = 0;
const elementsAt = 1;
const streamPosition = 2;
const even = 3;
const odd = 4;

function overBlocks(name: string, bits: number, streamAt: number, block: Code): AssembledFunction {
  return overBoth(name, bits, streamAt, blockBytes(bits), block);
}

function overWords(name: string, bits: number, wideAt: number, block: Code): AssembledFunction {
  return overBoth(name, bits, wideAt, 4 * blockElements, block);
}

/** `block` once for each block of elements, and what belongs to it: `bytes` a block from address `from` on. */
function overBoth(name: string, bits: number, from: number, bytes: number, block: Code): AssembledFunction {
  return {
    name,
    parameters: 1,
    locals: [i32, i32, v128, v128],
    body: [
      ...i32Const(from),
      ...localSet(streamPosition),
      ...loopWhile([
        ...block,
        ...advance(elementsAt, blockElements * (wordBits(bits) / 8)),
        ...advance(streamPosition, bytes),
        ...localGet(blocks),
        ...i32Const(1),
        ...i32Sub,
        ...localSet(blocks),
        ...localGet(blocks),
      ]),
    ],
  };
}

function advance(local: number, by: number): Code {
  return [...localGet(local), ...i32Const(by), ...i32Add, ...localSet(local)];
}

/** Words are loaded once each, alternately into two locals, since an element lies in at most two of them. */
const wordLocal = (word: number): number => (word % 2 === 0 ? even : odd);

function accumulateBlock(bits: number, operation: Code): Code {
  const width = wordBits(bits);
  // As many vectors of elements as a word has bits: 128 elements.
  const rows = width;
  const code: number[] = [];
  let loadedWords = 0;
  const loadThrough = (word: number): void => {
    for (; loadedWords <= word; loadedWords += 1) {
      code.push(
        ...localGet(streamPosition),
        ...vectorLoad(16 * loadedWords),
        ...localSet(wordLocal(loadedWords)),
      );
    }
  };
  for (let row = 0; row < rows; row += 1) {
    const word = Math.floor((row * bits) / width);
    const shift = (row * bits) % width;
    const straddles = shift + bits > width;
    loadThrough(straddles ? word + 1 : word);
    code.push(...localGet(elementsAt), ...localGet(elementsAt), ...vectorLoad(16 * row));
    code.push(...localGet(wordLocal(word)));
    if (shift > 0) code.push(...i32Const(shift), ...lanesShiftRight[width]);
    // What stands above the ring's bits is garbage, and stays above them.
    if (straddles) {
      code.push(
        ...localGet(wordLocal(word + 1)),
        ...i32Const(width - shift),
        ...lanesShiftLeft[width],
        ...vectorOr,
      );
    }
    code.push(...operation, ...vectorStore(16 * row));
  }
  return code;
}

function packBlock(bits: number): Code {
  const width = wordBits(bits);
  const rows = width;
  const code: number[] = [];
  const element = even;
  const held = odd;
  for (let row = 0; row < rows; row += 1) {
    const word = Math.floor((row * bits) / width);
    const shift = (row * bits) % width;
    code.push(...localGet(elementsAt), ...vectorLoad(16 * row));
    if (bits < width) code.push(...wordsConst(maskWord(bits)), ...vectorAnd);
    code.push(...localSet(element), ...localGet(element));
    if (shift > 0) code.push(...i32Const(shift), ...lanesShiftLeft[width], ...localGet(held), ...vectorOr);
    code.push(...localSet(held));
    if (shift + bits >= width) {
      code.push(...localGet(streamPosition), ...localGet(held), ...vectorStore(16 * word));
      if (shift + bits > width) {
        code.push(
          ...localGet(element),
          ...i32Const(width - shift),
          ...lanesShiftRight[width],
          ...localSet(held),
        );
      }
    }
  }
  return code;
}

function loadBlock(bits: number): Code {
  const rows = wordBits(bits);
  const wide = (row: number): Code => [...localGet(streamPosition), ...vectorLoad(16 * row)];
  return Array.from({ length: rows }, (_, row) => [
    ...localGet(elementsAt),
    ...(rows === 32 ? wide(row) : [...wide(2 * row), ...wide(2 * row + 1), ...narrowPair]),
    ...vectorStore(16 * row),
  ]).flat();
}

function storeBlock(bits: number): Code {
  const rows = wordBits(bits);
  const masked: Code = bits < rows ? [...wordsConst(maskWord(bits)), ...vectorAnd] : [];
  const stored = (row: number, element: Code): Code => [
    ...localGet(streamPosition),
    ...element,
    ...vectorStore(16 * row),
  ];
  return Array.from({ length: rows }, (_, row) => {
    const element: Code = [...localGet(elementsAt), ...vectorLoad(16 * row), ...masked];
    return rows === 32
      ? stored(row, element)
      : [...stored(2 * row, [...element, ...widenLow]), ...stored(2 * row + 1, [...element, ...widenHigh])];
  }).flat();
}

/** Ones in the ring's bits of every word. */
function maskWord(bits: number): number {
  const ones = largestElement(bits);
  return wordBits(bits) === 16 ? ones * 0x10001 : ones;
}
