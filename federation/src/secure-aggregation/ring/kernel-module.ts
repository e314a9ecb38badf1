import {
  type AssembledFunction,
  assembleModule,
  type Code,
  i32,
  i32Add,
  i32Const,
  i32Sub,
  localGet,
  localSet,
  loopWhile,
  v128,
  vectorAnd,
  vectorLoad,
  vectorOr,
  vectorStore,
  wordsAdd,
  wordsConst,
  wordsShiftLeft,
  wordsShiftRight,
  wordsSubtract,
} from './assembler.js';
import { blockBytes, blockElements, largestElement } from './packing.js';

/**
 * The WebAssembly module for Z_2^bits, assembled for these bits: every shift is a constant and the 32 vectors of a block
 * are unrolled. Its functions take a number of blocks, at least 1:
 *
 * - `add`, `subtract`: elements at 0 (32 bits each) plus or minus the packed vector at `streamAt`;
 * - `pack`: the elements at 0, packed to `streamAt`.
 */
export function kernelModule(bits: number, streamAt: number, pages: number): Uint8Array<ArrayBuffer> {
  return assembleModule(
    [
      overBlocks('add', bits, streamAt, accumulateBlock(bits, wordsAdd)),
      overBlocks('subtract', bits, streamAt, accumulateBlock(bits, wordsSubtract)),
      overBlocks('pack', bits, streamAt, packBlock(bits)),
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

/** Vectors of four elements in a block. */
const rows = blockElements / 4;

function overBlocks(name: string, bits: number, streamAt: number, block: Code): AssembledFunction {
  return {
    name,
    locals: [i32, i32, v128, v128],
    body: [
      ...i32Const(streamAt),
      ...localSet(streamPosition),
      ...loopWhile([
        ...block,
        ...advance(elementsAt, 4 * blockElements),
        ...advance(streamPosition, blockBytes(bits)),
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
    const word = Math.floor((row * bits) / 32);
    const shift = (row * bits) % 32;
    const straddles = shift + bits > 32;
    loadThrough(straddles ? word + 1 : word);
    code.push(...localGet(elementsAt), ...localGet(elementsAt), ...vectorLoad(16 * row));
    code.push(...localGet(wordLocal(word)));
    if (shift > 0) code.push(...i32Const(shift), ...wordsShiftRight);
    // What stands above the ring's bits is garbage, and stays above them.
    if (straddles) {
      code.push(...localGet(wordLocal(word + 1)), ...i32Const(32 - shift), ...wordsShiftLeft, ...vectorOr);
    }
    code.push(...operation, ...vectorStore(16 * row));
  }
  return code;
}

function packBlock(bits: number): Code {
  const code: number[] = [];
  const element = even;
  const held = odd;
  for (let row = 0; row < rows; row += 1) {
    const word = Math.floor((row * bits) / 32);
    const shift = (row * bits) % 32;
    code.push(...localGet(elementsAt), ...vectorLoad(16 * row));
    if (bits < 32) code.push(...wordsConst(largestElement(bits)), ...vectorAnd);
    code.push(...localSet(element), ...localGet(element));
    if (shift > 0) code.push(...i32Const(shift), ...wordsShiftLeft, ...localGet(held), ...vectorOr);
    code.push(...localSet(held));
    if (shift + bits >= 32) {
      code.push(...localGet(streamPosition), ...localGet(held), ...vectorStore(16 * word));
      if (shift + bits > 32) {
        code.push(...localGet(element), ...i32Const(32 - shift), ...wordsShiftRight, ...localSet(held));
      }
    }
  }
  return code;
}
