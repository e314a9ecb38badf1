/**
 * Just enough of a WebAssembly assembler for `kernel-module.ts`: each function gives the bytes of one instruction or
 * section (WebAssembly core specification 2.0, chapter 5, and its vector instructions).
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
/** A loop around `body`, whose last value, an i32, decides whether it runs again. */
export const loopWhile = (body: Code): Code => [0x03, 0x40, ...body, 0x0d, 0x00, 0x0b];

/** All vectors lie at multiples of 16 bytes; the `4` of the immediate says so. */
export const vectorLoad = (offset: number): Code => [...vector(0x00), 0x04, ...unsigned(offset)];
export const vectorStore = (offset: number): Code => [...vector(0x0b), 0x04, ...unsigned(offset)];
/** The same 32-bit word in all four lanes. */
export const wordsConst = (word: number): Code => {
  const lane = [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24];
  return [...vector(0x0c), ...lane, ...lane, ...lane, ...lane];
};
export const vectorAnd: Code = vector(0x4e);
export const vectorOr: Code = vector(0x50);
export const wordsShiftLeft: Code = vector(0xab);
export const wordsShiftRight: Code = vector(0xad);
export const wordsAdd: Code = vector(0xae);
export const wordsSubtract: Code = vector(0xb1);

/** A function of one i32 parameter without result; `locals` are types in order after it. */
export interface AssembledFunction {
  readonly name: string;
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
    ...section(1, [[0x60, 0x01, i32, 0x00]]),
    ...section(
      3,
      functions.map(() => [0x00]),
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
