/**
 * Work in pieces, so that a large payload leaves others their turns: one of 65,536 rows takes seconds, and this process
 * serves a model meanwhile.
 */

/** Each piece tells what it cost, in parts of `sliceCost`. */
export type Pieces<Result> = Generator<number, Result, undefined>;

/** What is done before others have a turn: some milliseconds. */
export const sliceCost = 1 << 14;
/** Characters that are read in as much time. */
export const sliceCharacters = 1 << 16;

/**
 * Does one work after the other, as much of them in each slice as it has room for.
 *
 * @param inSlice runs what it is given; where it throws, every work that had a part in the slice fails with that error
 */
export function createWorkQueue<Result>(
  inSlice: (work: () => void) => void,
): (pieces: Pieces<Result>) => Promise<Result> {
  let waiting: {
    readonly pieces: Pieces<Result>;
    resolve(result: Result): void;
    reject(error: unknown): void;
  }[] = [];

  const slice = (): void => {
    const done: Result[] = [];
    let begun = 0;
    try {
      inSlice(() => {
        for (let cost = 0; cost < sliceCost && done.length < waiting.length; ) {
          begun = done.length + 1;
          const piece = waiting[done.length].pieces.next();
          if (piece.done === true) done.push(piece.value);
          else cost += piece.value;
        }
      });
      for (const [index, result] of done.entries()) waiting[index].resolve(result);
      waiting = waiting.slice(done.length);
    } catch (error) {
      for (const { reject } of waiting.slice(0, begun)) reject(error);
      waiting = waiting.slice(begun);
    }
    if (waiting.length > 0) setImmediate(slice);
  };

  return (pieces) =>
    new Promise((resolve, reject) => {
      waiting.push({ pieces, resolve, reject });
      if (waiting.length === 1) setImmediate(slice);
    });
}
