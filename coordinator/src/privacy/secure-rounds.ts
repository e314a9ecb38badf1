/** What privacy changes in how a round is summed under masks. */
import { computeRing, type PrivacyOffer, type SecureRoundSettings } from '@starling/federation';
import { type RoundPrivacy, withinBoundMetric } from './settings.js';

/**
 * The round's own clipping bound, room for the devices' noise, and of everything else no more than whether an update was
 * within the bound. Throws `VectorError` `invalid-encoding` where the noise does not fit the ring.
 */
export function underPrivacy(
  secure: SecureRoundSettings,
  privacy: Pick<RoundPrivacy, 'kind' | 'budget' | 'clipBound' | 'countStddev' | 'deviceNoise'>,
): SecureRoundSettings {
  const { encoding, parameterCount, cohort, weightMaximum } = secure.layout;
  const layout = computeRing({
    encoding: { ...encoding, clipNorm: privacy.clipBound },
    parameterCount,
    cohort,
    weightMaximum,
    metrics:
      privacy.countStddev === null ? [] : [{ name: withinBoundMetric, minimum: 0, maximum: 1, bits: 1 }],
    noiseStddevSteps: privacy.deviceNoise?.noiseStddevSteps ?? 0,
    reports: false,
  });
  return { ...secure, layout, privacy: offerOf(privacy) };
}

function offerOf({ budget, deviceNoise }: Pick<RoundPrivacy, 'budget' | 'deviceNoise'>): PrivacyOffer {
  const { epsilon, delta } = budget;
  return deviceNoise === undefined
    ? { kind: 'central', epsilon, delta }
    : { kind: 'distributed', epsilon, delta, noise: deviceNoise };
}
