/** Aggregates that a few hostile updates cannot carry away, over single updates or over sums of groups. */
export { aggregateRobustly, describeNeed, updatesNeeded } from './aggregate.js';
export { type ColumnBlock, columnsOf, type UpdateColumns } from './columns.js';
export type {
  GeometricMedian,
  Krum,
  Median,
  MultiKrum,
  NormClipping,
  RobustAggregation,
  TrimmedMean,
} from './definition.js';
export { aggregateGroups, type GroupAggregation, type GroupMean, partitionCohort } from './groups.js';
export { checkWeighting, parseAggregation } from './parse.js';
