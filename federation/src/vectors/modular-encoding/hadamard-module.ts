import {
  type AssembledFunction,
  assembleModule,
  type Code,
  doublesMultiply,
  doublesOfFloats,
  floatsAdd,
  floatsMultiply,
  floatsOfDoubles,
  floatsSubtract,
  i32,
  i32Add,
  i32Const,
  i32Less,
  localGet,
  localSet,
  loopWhile,
  lowHalves,
  shuffleLanes,
  v128,
  vectorAnd,
  vectorConst,
  vectorLoad,
  vectorLoadPair,
  vectorLoadWord,
  vectorStore,
  vectorXor,
  wordsConst,
  wordsEqual,
} from '../../webassembly/index.js';

const plus = 0x3f800000;
const minus = 0xbf800000;

/** x[i] becomes x[order[i]] + sign[i]·x[i]. */
function within(
  vector: number,
  order: readonly [number, number, number, number],
  signs: readonly [number, number, number, number],
): Code {
  return [
    ...localGet(vector),
    ...localGet(vector),
    ...shuffleLanes(order),
    ...localGet(vector),
    ...vectorConst(signs),
    ...floatsMultiply,
    ...floatsAdd,
    ...localSet(vector),
  ];
}

const near: AssembledFunction = (() => {
  const [end, at, vector] = [0, 1, 2];
  return {
    name: 'near',
    parameters: 1,
    locals: [i32, v128],
    body: loopWhile([
      ...localGet(at),
      ...vectorLoad(0),
      ...localSet(vector),
      ...within(vector, [1, 0, 3, 2], [plus, minus, plus, minus]),
      ...within(vector, [2, 3, 0, 1], [plus, plus, minus, minus]),
      ...localGet(at),
      ...localGet(vector),
      ...vectorStore(0),
      ...advance(at, i32Const(16)),
      ...localGet(at),
      ...localGet(end),
      ...i32Less,
    ]),
  };
})();

const far: AssembledFunction = (() => {
  const [from, end, distance, groupEnd] = [0, 1, 2, 3];
  // Addresses of the four vectors of a butterfly, and the vectors.
  const addresses = [4, 5, 6, 7];
  const [a, b, c, d, sum, difference] = [8, 9, 10, 11, 12, 13];
  const butterfly: Code = [
    ...[a, b, c, d].flatMap((vector, i) => [
      ...localGet(addresses[i]),
      ...vectorLoad(0),
      ...localSet(vector),
    ]),
    ...combine(a, b, sum, difference),
    ...localGet(sum),
    ...localSet(a),
    ...localGet(difference),
    ...localSet(b),
    ...combine(c, d, sum, difference),
    ...[
      [a, sum, floatsAdd],
      [b, difference, floatsAdd],
      [a, sum, floatsSubtract],
      [b, difference, floatsSubtract],
    ].flatMap(([left, right, operation], i) => [
      ...localGet(addresses[i]),
      ...localGet(left as number),
      ...localGet(right as number),
      ...(operation as Code),
      ...vectorStore(0),
    ]),
  ];
  return {
    name: 'far',
    parameters: 3,
    locals: [i32, i32, i32, i32, i32, v128, v128, v128, v128, v128, v128],
    body: loopWhile([
      // A group: four runs of `distance` bytes.
      ...localGet(from),
      ...localSet(addresses[0]),
      ...[1, 2, 3].flatMap((run) => [
        ...localGet(addresses[run - 1]),
        ...localGet(distance),
        ...i32Add,
        ...localSet(addresses[run]),
      ]),
      ...localGet(addresses[1]),
      ...localSet(groupEnd),
      ...loopWhile([
        ...butterfly,
        ...addresses.flatMap((address) => advance(address, i32Const(16))),
        ...localGet(addresses[0]),
        ...localGet(groupEnd),
        ...i32Less,
      ]),
      // The last run's address has come to the end of the group.
      ...localGet(addresses[3]),
      ...localSet(from),
      ...localGet(from),
      ...localGet(end),
      ...i32Less,
    ]),
  };
})();

const last: AssembledFunction = (() => {
  const [end, distance, at, other, a, b, sum, difference] = [0, 1, 2, 3, 4, 5, 6, 7];
  return {
    name: 'last',
    parameters: 2,
    locals: [i32, i32, v128, v128, v128, v128],
    body: [
      ...localGet(distance),
      ...localSet(other),
      ...loopWhile([
        ...localGet(at),
        ...vectorLoad(0),
        ...localSet(a),
        ...localGet(other),
        ...vectorLoad(0),
        ...localSet(b),
        ...combine(a, b, sum, difference),
        ...localGet(at),
        ...localGet(sum),
        ...vectorStore(0),
        ...localGet(other),
        ...localGet(difference),
        ...vectorStore(0),
        ...advance(at, i32Const(16)),
        ...advance(other, i32Const(16)),
        ...localGet(other),
        ...localGet(end),
        ...i32Less,
      ]),
    ],
  };
})();

const flip: AssembledFunction = (() => {
  const [end, signsAt, at, bits] = [0, 1, 2, 3];
  // A word of signs is for 32 elements, eight vectors.
  const quarter = (i: number): Code => [
    ...localGet(at),
    ...localGet(at),
    ...vectorLoad(16 * i),
    ...localGet(bits),
    ...bitsOf(i),
    ...vectorAnd,
    ...bitsOf(i),
    ...wordsEqual,
    ...wordsConst(0x80000000),
    ...vectorAnd,
    ...vectorXor,
    ...vectorStore(16 * i),
  ];
  return {
    name: 'flip',
    parameters: 2,
    locals: [i32, v128],
    body: loopWhile([
      ...localGet(signsAt),
      ...vectorLoadWord(0),
      ...localSet(bits),
      ...Array.from({ length: 8 }, (_, i) => quarter(i)).flat(),
      ...advance(signsAt, i32Const(4)),
      ...advance(at, i32Const(128)),
      ...localGet(at),
      ...localGet(end),
      ...i32Less,
    ]),
  };
})();

/** The bits of elements 4i to 4i+3 in a word of signs, each in its lane. */
function bitsOf(i: number): Code {
  const bit = (lane: number): number => (1 << (4 * i + lane)) >>> 0;
  return vectorConst([bit(0), bit(1), bit(2), bit(3)]);
}

const scale: AssembledFunction = (() => {
  const [end, factorAt, at, factor, vector] = [0, 1, 2, 3, 4];
  const half = (chosen: Code): Code => [
    ...chosen,
    ...doublesOfFloats,
    ...localGet(factor),
    ...doublesMultiply,
    ...floatsOfDoubles,
  ];
  return {
    name: 'scale',
    parameters: 2,
    locals: [i32, v128, v128],
    body: [
      ...localGet(factorAt),
      ...vectorLoadPair(0),
      ...localSet(factor),
      ...loopWhile([
        ...localGet(at),
        ...vectorLoad(0),
        ...localSet(vector),
        ...localGet(at),
        ...half(localGet(vector)),
        ...half([...localGet(vector), ...localGet(vector), ...shuffleLanes([2, 3, 2, 3])]),
        ...lowHalves,
        ...vectorStore(0),
        ...advance(at, i32Const(16)),
        ...localGet(at),
        ...localGet(end),
        ...i32Less,
      ]),
    ],
  };
})();

/**
 * The WebAssembly module of the Walsh-Hadamard transform, over f32 elements from address 0 of a memory to be grown:
 *
 * - `flip(end, signsAt)`: changes the sign of the elements whose bit in the bytes at `signsAt` is set, whole words of them;
 * - `near(end)`: the butterflies of distances 1 and 2, within vectors of four, up to the address `end`;
 * - `far(from, end, distance)`: those of `distance` and twice that, in bytes, at least 16, for whole groups of
 *   4·distance bytes from address `from` to `end`;
 * - `last(end, distance)`: those of `distance` alone, over one group of 2·distance bytes;
 * - `scale(end, factorAt)`: every element times the double at `factorAt`, rounded once.
 */
export function hadamardModule(): Uint8Array<ArrayBuffer> {
  return assembleModule([flip, near, far, last, scale], 0);
}

function advance(local: number, by: Code): Code {
  return [...localGet(local), ...by, ...i32Add, ...localSet(local)];
}

/** Two vectors' sum and difference into two locals. */
function combine(a: number, b: number, sum: number, difference: number): Code {
  return [
    ...localGet(a),
    ...localGet(b),
    ...floatsAdd,
    ...localSet(sum),
    ...localGet(a),
    ...localGet(b),
    ...floatsSubtract,
    ...localSet(difference),
  ];
}
