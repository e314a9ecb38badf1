/**
 * Frequent values without a list of what might occur: a count sketch (Charikar, Chen, Farach-Colton 2002) of every
 * prefix of a 32-bit key, four bits longer at each level, so that frequent keys are found by walking down from frequent
 * prefixes (Cormode, Hadjieleftheriou 2008, "hierarchical count sketch"). It is linear: the sketch of a fleet is the sum
 * of its devices' sketches, which is all that secure aggregation tells.
 */

const bitsPerLevel = 4;
export const sketchLevels = 32 / bitsPerLevel;
export const sketchRows = 5;
export const sketchWidth = 512;
/** Cells of one sketch. */
export const sketchCells = sketchLevels * sketchRows * sketchWidth;

/** Frequent prefixes that are followed at each level: more than can be above any sensible share. */
const followedMax = 4096;

/** Adds one occurrence of `key`, an unsigned 32-bit integer: one cell of each row and level moves by 1. */
export function addToSketch(cells: Float32Array | Float64Array, offset: number, key: number): void {
  for (let level = 0; level < sketchLevels; level += 1) {
    const prefix = prefixOf(key, level);
    for (let row = 0; row < sketchRows; row += 1) {
      const hash = hashOf(prefix, level, row);
      cells[offset + cellOf(hash, level, row)] += signOf(hash);
    }
  }
}

/** The keys whose estimated count is at least `threshold`, the most frequent first. */
export function frequentKeys(
  cells: Float64Array,
  offset: number,
  threshold: number,
): readonly { readonly key: number; readonly count: number }[] {
  let prefixes: readonly { readonly prefix: number; readonly count: number }[] = [{ prefix: 0, count: 0 }];
  for (let level = 0; level < sketchLevels; level += 1) {
    prefixes = prefixes
      .flatMap(({ prefix }) =>
        Array.from({ length: 1 << bitsPerLevel }, (_, digit) => {
          const longer = prefix * (1 << bitsPerLevel) + digit;
          return { prefix: longer, count: estimate(cells, offset, longer, level) };
        }),
      )
      .filter(({ count }) => count >= threshold)
      .sort((a, b) => b.count - a.count || a.prefix - b.prefix)
      .slice(0, followedMax);
  }
  return prefixes.map(({ prefix, count }) => ({ key: prefix, count }));
}

/** Median over the rows: one row's collision does not decide. */
function estimate(cells: Float64Array, offset: number, prefix: number, level: number): number {
  const rows = Array.from({ length: sketchRows }, (_, row) => {
    const hash = hashOf(prefix, level, row);
    return cells[offset + cellOf(hash, level, row)] * signOf(hash);
  });
  return rows.sort((a, b) => a - b)[(sketchRows - 1) / 2];
}

function prefixOf(key: number, level: number): number {
  return key >>> (32 - bitsPerLevel * (level + 1));
}

function cellOf(hash: number, level: number, row: number): number {
  return (level * sketchRows + row) * sketchWidth + ((hash >>> 1) % sketchWidth);
}

function signOf(hash: number): 1 | -1 {
  return (hash & 1) === 0 ? 1 : -1;
}

/** The finalizer of MurmurHash3 over prefix, level and row: every bit of the outcome depends on every bit of these. */
function hashOf(prefix: number, level: number, row: number): number {
  let hash = (prefix ^ Math.imul(level * sketchRows + row + 1, 0x9e3779b1)) >>> 0;
  for (let turn = 0; turn < 2; turn += 1) {
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash = (hash ^ (hash >>> 16)) >>> 0;
    hash = (hash + Math.imul(row + 1, 0x27d4eb2f)) >>> 0;
  }
  return hash >>> 0;
}
