import {
  type AssembledFunction,
  assembleModule,
  type Code,
  doublesAdd,
  doublesFloor,
  doublesMultiply,
  doublesOfFloats,
  doublesOfWords,
  doublesSubtract,
  i32,
  i32Add,
  i32Const,
  i32Less,
  integersOfDoubles,
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
  widenLow,
} from '../../webassembly/index.js';

/** Where the constants and the sum lie, in bytes after the start of the first of them. */
export const constants = { inverse: 0, mask: 8, squares: 16, bytes: 32 } as const;

/**
 * The WebAssembly module of stochastic rounding. `round(end, drawnAt, constantsAt)` works on f32 elements from address 0
 * to `end`, whole vectors of four, which become integers in their place: ⌊element·inverse + (drawn + ½)·2^-16⌋ & mask,
 * in doubles, with the 16-bit `drawn` from `drawnAt` on. `inverse` is a double and `mask` a word at `constantsAt`; to the two
 * doubles `squares` it adds the squared errors, in steps, of even and of odd elements.
 */
export function roundingModule(pages: number): Uint8Array<ArrayBuffer> {
  return assembleModule([round], pages);
}

const double = (value: number): Code => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value, true);
  const [low, high] = [view.getUint32(0, true), view.getUint32(4, true)];
  return vectorConst([low, high, low, high]);
};

const round: AssembledFunction = (() => {
  const [end, drawnAt, constantsAt, at] = [0, 1, 2, 3];
  const [inverse, mask, squares, vector, drawn, value, rounded, low] = [4, 5, 6, 7, 8, 9, 10, 11];
  const lower = (local: number): Code => localGet(local);
  const upper = (local: number): Code => [
    ...localGet(local),
    ...localGet(local),
    ...shuffleLanes([2, 3, 2, 3]),
  ];
  /** Leaves two integers in the lower half of a vector. */
  const pair = (half: (local: number) => Code): Code => [
    ...half(vector),
    ...doublesOfFloats,
    ...localGet(inverse),
    ...doublesMultiply,
    ...localSet(value),
    ...localGet(value),
    ...half(drawn),
    ...doublesOfWords,
    ...double(0.5),
    ...doublesAdd,
    ...double(2 ** -16),
    ...doublesMultiply,
    ...doublesAdd,
    ...doublesFloor,
    ...localSet(rounded),
    ...localGet(rounded),
    ...localGet(value),
    ...doublesSubtract,
    ...localSet(value),
    ...localGet(squares),
    ...localGet(value),
    ...localGet(value),
    ...doublesMultiply,
    ...doublesAdd,
    ...localSet(squares),
    ...localGet(rounded),
    ...integersOfDoubles,
  ];
  return {
    name: 'round',
    parameters: 3,
    locals: [i32, ...Array<number>(8).fill(v128)],
    body: [
      ...localGet(constantsAt),
      ...vectorLoadPair(constants.inverse),
      ...localSet(inverse),
      ...localGet(constantsAt),
      ...vectorLoadWord(constants.mask),
      ...localSet(mask),
      ...localGet(constantsAt),
      ...vectorLoad(constants.squares),
      ...localSet(squares),
      ...loopWhile([
        ...localGet(at),
        ...vectorLoad(0),
        ...localSet(vector),
        ...localGet(drawnAt),
        ...vectorLoadPair(0),
        ...widenLow,
        ...localSet(drawn),
        ...pair(lower),
        ...localSet(low),
        ...localGet(at),
        ...localGet(low),
        ...pair(upper),
        ...lowHalves,
        ...localGet(mask),
        ...vectorAnd,
        ...vectorStore(0),
        ...advance(drawnAt, 8),
        ...advance(at, 16),
        ...localGet(at),
        ...localGet(end),
        ...i32Less,
      ]),
      ...localGet(constantsAt),
      ...localGet(squares),
      ...vectorStore(constants.squares),
    ],
  };
})();

function advance(local: number, by: number): Code {
  return [...localGet(local), ...i32Const(by), ...i32Add, ...localSet(local)];
}
