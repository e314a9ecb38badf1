import { StrategyError } from '../errors.js';
import type { UpdateColumns } from './columns.js';
import type { RobustAggregation } from './definition.js';
import { geometricMedian } from './geometric-median.js';
import { krum } from './krum.js';
import { coordinateMedian } from './median.js';
import { clippedMean } from './norm-clipping.js';
import { trimmedCount, trimmedMean } from './trimmed-mean.js';

/** The fewest updates with which the aggregation keeps its promise. */
export function updatesNeeded(aggregation: RobustAggregation): number {
  switch (aggregation.kind) {
    case 'krum':
      return 2 * aggregation.byzantine + 3;
    case 'multi-krum':
      return Math.max(2 * aggregation.byzantine + 3, aggregation.byzantine + 2 + (aggregation.selected ?? 1));
    case 'trimmed-mean':
      return aggregation.share === 0 ? 1 : fewestTrimmed(aggregation.share);
    case 'median':
    case 'geometric-median':
    case 'norm-clipping':
      return 1;
  }
}

/** Below this many, nothing is left out at all. */
function fewestTrimmed(share: number): number {
  let updates = Math.floor(1 / share);
  while (trimmedCount(share, updates) < 1) updates += 1;
  return updates;
}

/** In words, why `updatesNeeded` is what it is. */
export function describeNeed(aggregation: RobustAggregation): string {
  switch (aggregation.kind) {
    case 'krum':
    case 'multi-krum': {
      const { byzantine } = aggregation;
      const bound = `${aggregation.kind} against ${byzantine} hostile updates needs 2·${byzantine} + 3 = ${2 * byzantine + 3}`;
      const selected = aggregation.kind === 'multi-krum' ? aggregation.selected : null;
      return selected === null
        ? bound
        : `${bound}, and to select ${selected} of them ${byzantine} + 2 + ${selected} = ${byzantine + 2 + selected}`;
    }
    case 'trimmed-mean':
      return `trimming a share of ${aggregation.share} leaves nothing out below ${updatesNeeded(aggregation)} updates`;
    default:
      return `${aggregation.kind} needs an update`;
  }
}

/**
 * The robust aggregate of a round's updates: `[parameterCount]`, to be applied where the weighted mean would be. The
 * same rows in the same order give the same bits. Only `geometric-median` and `norm-clipping` look at the weights.
 * Rejects with `StrategyError` `too-few-updates`.
 */
export async function aggregateRobustly(
  aggregation: RobustAggregation,
  columns: UpdateColumns,
): Promise<Float32Array> {
  const count = columns.weights.length;
  if (count < updatesNeeded(aggregation)) {
    throw new StrategyError(
      'too-few-updates',
      `${describeNeed(aggregation)}, this round has ${count}; raise cohort.minimum, or tolerate less`,
      'aggregation',
    );
  }
  switch (aggregation.kind) {
    case 'krum':
      return krum(columns, aggregation.byzantine, 1);
    case 'multi-krum':
      return krum(columns, aggregation.byzantine, aggregation.selected ?? count - aggregation.byzantine - 2);
    case 'trimmed-mean':
      return trimmedMean(columns, trimmedCount(aggregation.share, count));
    case 'median':
      return coordinateMedian(columns);
    case 'geometric-median':
      return geometricMedian(columns, aggregation.smoothing, aggregation.iterations);
    case 'norm-clipping':
      return clippedMean(columns, aggregation.bound);
  }
}
