/** Federated analytics: questions about a fleet's examples that one sum of vectors answers, with no training. */
export { AnalyticsError, type AnalyticsErrorCode } from './errors.js';
export { formatQuery, parseQuery } from './parse.js';
export {
  type AnalyticsQuery,
  type HeavyHitters,
  type Histogram,
  type Moments,
  type Quantiles,
  type Statistic,
  statisticKinds,
  type ValueRange,
} from './query.js';
export { type AnalyticsResult, resultOf } from './result.js';
export { countsOnly, vectorLength, vectorNormMax, vectorOf } from './vector.js';
