/** Checks how a round sums under masks before anything acts on it. What the protocol itself checks is left to it. */
import {
  brokenNoisePromise,
  computeRing,
  type ModularEncoding,
  type PrivacyOffer,
  type SecureRoundSettings,
  VectorError,
} from '@starling/federation';
import type { SecureAggregationSettings, ModularEncoding as WireEncoding } from '@starling/proto';
import type { SecureTerms, UpdatePrivacy } from './assignment.js';
import { Unacceptable } from './unacceptable.js';

/** Throws `Unacceptable` that says what is wrong. */
export function readSecureTerms(
  wire: SecureAggregationSettings,
  privacy: UpdatePrivacy | null,
): Omit<SecureTerms, 'requestHash'> {
  const { metrics, weighting, rotationSeed, parameterCount, weightMaximum } = wire;
  if (rotationSeed.length !== 32) {
    throw new Unacceptable('plan', 'The assignment has no rotation seed of 32 bytes.');
  }
  try {
    const layout = computeRing({
      encoding: readEncoding(wire.encoding),
      parameterCount,
      cohort: wire.cohortMaximum,
      weightMaximum,
      metrics,
      reports: wire.encodingReports,
      noiseStddevSteps: privacy?.kind === 'distributed' ? privacy.noise.noiseStddevSteps : 0,
    });
    const { corruptFraction, dropoutFraction, securityBits, correctnessBits } = wire;
    const settings: SecureRoundSettings = {
      requirements: { corruptFraction, dropoutFraction, securityBits, correctnessBits },
      cohortMinimum: wire.cohortMinimum,
      privacy: offerOf(privacy),
      weighting: weighting === 'uniform' ? 'uniform' : 'by-examples',
      layout,
    };
    checkNoise(settings, privacy);
    return { settings, rotationSeed: new Uint8Array(rotationSeed) };
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    throw new Unacceptable('plan', `The assignment's masked encoding is invalid: ${error.message}.`);
  }
}

/** A device that adds noise knows what it is worth, and does not take the coordinator's word for it. */
function checkNoise(settings: SecureRoundSettings, privacy: UpdatePrivacy | null): void {
  if (privacy?.kind !== 'distributed') return;
  const { encoding, reports, metrics } = settings.layout;
  const asksForMore =
    privacy.countWithinBound || metrics.length > 0 || reports !== false || settings.weighting !== 'uniform';
  if (encoding.clipNorm !== privacy.clipBound || asksForMore) {
    throw new Unacceptable(
      'refused',
      'noise-bypassed: the round wants something of this device that its noise is not for: another bound, a weight, a metric, or exact reports.',
    );
  }
  const broken = brokenNoisePromise(privacy.noise, privacy, settings);
  if (broken !== undefined) throw new Unacceptable('refused', `noise-below-promise: ${broken}.`);
}

function readEncoding(wire: WireEncoding | undefined): ModularEncoding {
  const rotation = wire?.rotation;
  if (wire === undefined || rotation === undefined) {
    throw new Unacceptable('plan', 'The assignment names no masked encoding that this agent knows.');
  }
  const { bits, clipNorm } = wire;
  return {
    bits,
    clipNorm,
    rotation:
      rotation.kind === 'none'
        ? { kind: 'none', elementMaximum: rotation.value.elementMaximum }
        : { kind: 'hadamard', agreement: rotation.value.agreement },
  };
}

/** What privacy the round promises; under masks every device signs for it with its keys. */
export function offerOf(privacy: UpdatePrivacy | null): PrivacyOffer {
  if (privacy === null) return { kind: 'none' };
  const { epsilon, delta } = privacy;
  return privacy.kind === 'central'
    ? { kind: privacy.kind, epsilon, delta }
    : { kind: privacy.kind, epsilon, delta, noise: privacy.noise };
}
