/**
 * The coordinate-wise median: Yin, Chen, Ramchandran and Bartlett 2018, "Byzantine-Robust Distributed Learning: Towards
 * Optimal Statistical Rates", definition 1. Of an even number of values, the mean of the two in the middle.
 */
import type { UpdateColumns } from './columns.js';
import { mapSortedColumns } from './trimmed-mean.js';

export function coordinateMedian(columns: UpdateColumns): Promise<Float32Array> {
  const count = columns.weights.length;
  const [low, high] = [Math.floor((count - 1) / 2), Math.floor(count / 2)];
  return mapSortedColumns(columns, (sorted) => (sorted[low] + sorted[high]) / 2);
}
