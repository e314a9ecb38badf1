/**
 * The coordinate-wise trimmed mean: Yin, Chen, Ramchandran and Bartlett 2018, "Byzantine-Robust Distributed Learning:
 * Towards Optimal Statistical Rates", definition 2. Of every coordinate, the b largest and the b smallest values are
 * left out and the rest averaged, each weighing the same.
 */
import { mapBlocks, type UpdateColumns } from './columns.js';

/** Values left out at each end: ⌊β·n⌋, where a product that misses an integer by rounding alone counts as it. */
export function trimmedCount(share: number, updates: number): number {
  return Math.floor(share * updates + 1e-9);
}

/** `trimmed` at each end; 2·trimmed < n, and 0 is the plain mean. */
export function trimmedMean(columns: UpdateColumns, trimmed: number): Promise<Float32Array> {
  return mapSortedColumns(columns, (sorted) => {
    let sum = 0;
    for (let i = trimmed; i < sorted.length - trimmed; i += 1) sum += sorted[i];
    return sum / (sorted.length - 2 * trimmed);
  });
}

/** A vector from what `combine` makes of each coordinate's values in ascending order. */
export function mapSortedColumns(
  columns: UpdateColumns,
  combine: (sorted: Float32Array) => number,
): Promise<Float32Array> {
  const sorted = new Float32Array(columns.weights.length);
  return mapBlocks(columns, (rows, out) => {
    for (let i = 0; i < out.length; i += 1) {
      for (let row = 0; row < sorted.length; row += 1) sorted[row] = rows[row][i];
      sorted.sort();
      out[i] = combine(sorted);
    }
  });
}
