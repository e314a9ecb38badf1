import { type AnalyticsQuery, type AnalyticsResult, resultOf } from '@starling/federation';
import type { RoundPrivacy } from '../privacy/index.js';

/** What the sum of all devices' vectors says; where the round promised privacy, the noise is on it already. */
export function answer(
  query: AnalyticsQuery,
  sums: Float64Array,
  privacy: RoundPrivacy | null,
): AnalyticsResult {
  return resultOf(query, sums, privacy?.noiseStddev ?? 0);
}
