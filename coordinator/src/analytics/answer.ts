import {
  type Accumulator,
  type AnalyticsQuery,
  type AnalyticsResult,
  type Entropy,
  resultOf,
} from '@starling/federation';
import { type RoundPrivacy, withCentralNoise } from '../privacy/index.js';

/** What the sum of all devices' vectors says, with noise on it where the round promised so. */
export function answer(
  query: AnalyticsQuery,
  sum: Accumulator,
  privacy: RoundPrivacy | null,
  entropy: Entropy,
): AnalyticsResult {
  if (privacy === null) return resultOf(query, sum.sums, 0);
  const { sums } = privacy.kind === 'central' ? withCentralNoise(sum, privacy, entropy) : sum;
  return resultOf(query, sums, privacy.noiseStddev);
}
