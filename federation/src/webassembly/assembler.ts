/**
 * Just enough of a WebAssembly assembler for vector kernels: each function gives the bytes of one instruction or section
 * (WebAssembly core specification 2.0, chapter 5).
 */
export type Code = readonly number[];

/** LEB128, unsigned. */
export function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

/** LEB128, signed, for 0 <= value < 2^31. */
function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    if (rest === 0 && byte < 64) return [...bytes, byte];
    bytes.push(byte + 128);
  }
}

const vector = (opcode: number): Code => [0xfd, ...unsigned(opcode)];

export const i32 = 0x7f;
export const v128 = 0x7b;

export const localGet = (index: number): Code => [0x20, ...unsigned(index)];
export const localSet = (index: number): Code => [0x21, ...unsigned(index)];
export const i32Const = (value: number): Code => [0x41, ...signed(value)];
export const i32Add: Code = [0x6a];
export const i32Sub: Code = [0x6b];
/** Whether the first of two is smaller, without sign. */
export const i32Less: Code = [0x49];
/** A loop around `body`, whose last value, an i32, decides whether it runs again. */
export const loopWhile = (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0x00, 0x0b];

/** All vectors lie at multiples of 16 bytes; the `4` of the immediate says so. */
export const vectorLoad = (offset: number): Code => [...vector(0x00), 0x04, ...unsigned(offset)];
export const vectorStore = (offset: number): Code => [...vector(0x0b), 0x04, ...unsigned(offset)];
const wordBytes = (word: number): Code => [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24];
/** The same 32-bit word in all four lanes. */
export const wordsConst = (word: number): Code => vectorConst([word, word, word, word]);
export const vectorAnd: Code = vector(0x4e);
export const vectorOr: Code = vector(0x50);
/** Arithmetic of all lanes at once, by the width of a lane in bits. */
export const lanesShiftLeft: Readonly<Record<16 | 32, Code>> = { 16: vector(0x8b), 32: vector(0xab) };
/** Without sign. */
export const lanesShiftRight: Readonly<Record<16 | 32, Code>> = { 16: vector(0x8d), 32: vector(0xad) };
export const lanesAdd: Readonly<Record<16 | 32, Code>> = { 16: vector(0x8e), 32: vector(0xae) };
export const lanesSubtract: Readonly<Record<16 | 32, Code>> = { 16: vector(0x91), 32: vector(0xb1) };
/** The four lanes of a constant, as bits. */
export const vectorConst = (lanes: readonly [number, number, number, number]): Code => [
  ...vector(0x0c),
  ...lanes.flatMap(wordBytes),
];
/** The lanes of the vector on top of the stack in another order (both operands must be that vector). */
export const shuffleLanes = (order: readonly [number, number, number, number]): Code => [
  ...vector(0x0d),
  ...order.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
];
/** The same lane, of 32 bits at the address, in all four. */
export const vectorLoadWord = (offset: number): Code => [...vector(0x09), 0x02, ...unsigned(offset)];
/** The same 64 bits at the address in both halves. */
export const vectorLoadPair = (offset: number): Code => [...vector(0x0a), 0x03, ...unsigned(offset)];
export const vectorXor: Code = vector(0x51);
/** All ones in the lanes of 32 bits that are equal. */
export const wordsEqual: Code = vector(0x37);
/** The lower four of eight lanes of 16 bits, without sign, as lanes of 32. */
export const widenLow: Code = vector(0xa9);
/** The upper four. */
export const widenHigh: Code = vector(0xaa);
/** The lower halves of the eight lanes of 32 bits in two vectors, as one of 16-bit lanes. */
export const narrowPair: Code = [
  ...vector(0x0d),
  ...Array.from({ length: 8 }, (_, lane) => [4 * lane, 4 * lane + 1]).flat(),
];
/** Doubles, two in a vector: from the lower two lanes of 32 bits, and back into them with zeros above. */
export const doublesOfFloats: Code = vector(0x5f);
export const floatsOfDoubles: Code = vector(0x5e);
export const doublesOfWords: Code = vector(0xff);
export const integersOfDoubles: Code = vector(0xfc);
export const doublesAdd: Code = vector(0xf0);
export const doublesSubtract: Code = vector(0xf1);
export const doublesMultiply: Code = vector(0xf2);
export const doublesFloor: Code = vector(0x75);
/** The lower halves of two vectors, one after the other. */
export const lowHalves: Code = [
  ...vector(0x0d),
  ...Array.from({ length: 16 }, (_, i) => (i < 8 ? i : i + 8)),
];
export const floatsAdd: Code = vector(0xe4);
export const floatsSubtract: Code = vector(0xe5);
export const floatsMultiply: Code = vector(0xe6);

/** A function without result; `locals` are types in order after its parameters. */
export interface AssembledFunction {
  readonly name: string;
  /** How many parameters, all i32. */
  readonly parameters: number;
  readonly locals: readonly number[];
  readonly body: Code;
}

const sized = (content: Code): Code => [...unsigned(content.length), ...content];
const section = (id: number, entries: readonly Code[]): Code => [
  id,
  ...sized([...unsigned(entries.length), ...entries.flat()]),
];
const text = (name: string): Code => sized([...Buffer.from(name)]);

/** A module that exports `functions` and, as "memory", `pages` of 64 KiB. */
export function assembleModule(
  functions: readonly AssembledFunction[],
  pages: number,
): Uint8Array<ArrayBuffer> {
  const memoryExport: Code = [...text('memory'), 0x02, 0x00];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(
      1,
      functions.map(({ parameters }) => [0x60, parameters, ...Array<number>(parameters).fill(i32), 0x00]),
    ),
    ...section(
      3,
      functions.map((_, i) => unsigned(i)),
    ),
    ...section(5, [[0x00, ...unsigned(pages)]]),
    ...section(7, [memoryExport, ...functions.map(({ name }, i) => [...text(name), 0x00, ...unsigned(i)])]),
    ...section(
      10,
      functions.map(({ locals, body }) =>
        sized([...unsigned(locals.length), ...locals.flatMap((type) => [0x01, type]), ...body, 0x0b]),
      ),
    ),
  ]);
}
