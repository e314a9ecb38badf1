import type { Operation } from './operation.js';

/**
 * The fewest operations that still fail, by their places in the list: leaves out ever smaller parts for as long as the
 * failure stays (ddmin, Zeller and Hildebrandt 2002). Seeds decide everything else, so that what is left fails again.
 */
export async function shrink(
  operations: readonly Operation[],
  fails: (kept: readonly Operation[]) => Promise<boolean>,
  kept: readonly number[] = operations.map((_, index) => index),
): Promise<readonly number[]> {
  let left = [...kept];
  let parts = 2;
  while (left.length > 1) {
    const size = Math.ceil(left.length / parts);
    let smaller: number[] | undefined;
    for (let from = 0; from < left.length && smaller === undefined; from += size) {
      const without = [...left.slice(0, from), ...left.slice(from + size)];
      if (without.length > 0 && (await fails(without.map((index) => operations[index])))) smaller = without;
    }
    if (smaller !== undefined) {
      left = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(left.length, parts * 2);
  }
  return left;
}
