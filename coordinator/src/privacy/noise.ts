/** Central noise: added by the coordinator to a sum of clipped updates before anything else sees it. */
import {
  type Accumulator,
  type AdaptiveClipping,
  adaptClipping,
  addGaussianNoise,
  type Entropy,
  gaussianNoise,
} from '@starling/federation';
import type { Contribution } from '../rounds/index.js';
import { type ClippingMeasured, type RoundPrivacy, withinBoundMetric } from './settings.js';

/** Sums round each element of each update by at most this; see the accumulator. */
const elementRounding = 2 ** -31;

/**
 * The sum with noise on every element, and a weight that says how many updates are in it, whatever each weighed: with
 * the weights of updates that came too long and were scaled down, the mean would tell of them. Neighbouring fleets
 * differ by one device's update, there or all zeros, so the number itself is no secret.
 *
 * The noise is a multiple of what one update can change: the clipping bound and what summing rounds on top of it.
 */
export function withCentralNoise(sum: Accumulator, privacy: RoundPrivacy, entropy: Entropy): Accumulator {
  const { clipBound, noiseStddev } = privacy;
  const sensitivity = clipBound + elementRounding * Math.sqrt(sum.parameterCount);
  const sums = Float64Array.from(sum.sums);
  addGaussianNoise(entropy, (noiseStddev / clipBound) * sensitivity, sums);
  return { ...sum, sums, weight: sum.count };
}

/** The bound after a round, by a noisy count of the updates that were within it; `null` where the bound is fixed. */
export function measureClipping(
  contributions: Iterable<Contribution>,
  { countStddev }: RoundPrivacy,
  clipping: AdaptiveClipping | null,
  entropy: Entropy,
): ClippingMeasured | null {
  if (countStddev === null || clipping === null) return null;
  let within = 0;
  let devices = 0;
  for (const { metrics } of contributions) {
    devices += 1;
    // A bit is a bit, whatever a device sends.
    within += (metrics.sums[withinBoundMetric] ?? 0) >= 0.5 ? 1 : 0;
  }
  const noisyCount = within + gaussianNoise(entropy, countStddev);
  return { withinShare: noisyCount / devices, next: adaptClipping(clipping, noisyCount, devices) };
}
