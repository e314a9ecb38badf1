import type { Entropy } from '../../ports/index.js';
import { SecureAggregationError } from '../errors.js';
import type { KeySuite } from '../keys/index.js';
import type { AdvertisedKeys } from '../messages.js';
import { weaknessOf } from '../privacy-offer.js';
import { type Outcome, proceed, type Refused, refuse } from '../refusal.js';
import { keysTranscript } from '../roster.js';
import { checkRound, roundHash, type SecureRound } from '../round.js';
import { secretBytes } from '../shamir/index.js';
import { sameBytes } from '../transcript.js';
import type { AdvertisedClient, DeviceIdentity, DevicePolicy } from './state.js';

export interface ClientStart {
  readonly round: SecureRound;
  readonly identity: DeviceIdentity;
  readonly policy: DevicePolicy;
  /** SHA-256 of the plan whose signature this device has verified. */
  readonly planHash: Uint8Array;
  /** Of this device alone: whoever can guess it can take its masks off. */
  readonly entropy: Entropy;
  readonly suite: KeySuite;
}

/**
 * Stage 1: checks the round against the device's policy and the plan it verified, makes two fresh key pairs and signs
 * them for this round only.
 */
export function advertiseKeys(start: ClientStart): Outcome<AdvertisedClient, AdvertisedKeys> {
  const { round, identity, policy, entropy, suite } = start;
  const refused = checkOffer(start);
  if (refused !== undefined) return refused;
  const sealPair = suite.keyPair(entropy.bytes(secretBytes));
  const maskPair = suite.keyPair(entropy.bytes(secretBytes));
  const unsigned = {
    round: roundHash(round),
    device: identity.device,
    certificate: identity.certificate,
    sealKey: sealPair.publicKey,
    maskKey: maskPair.publicKey,
  };
  const keys = { ...unsigned, signature: identity.sign(keysTranscript(unsigned)) };
  return proceed({ kind: 'advertised', round, policy, keys, sealPair, maskPair }, keys);
}

function checkOffer({ round, policy, planHash }: ClientStart): Refused | undefined {
  try {
    checkRound(round);
  } catch (error) {
    if (error instanceof SecureAggregationError) return refuse('invalid-round', error.message);
    throw error;
  }
  if (!sameBytes(round.planHash, planHash)) {
    return refuse('plan-mismatch', 'the round is for another plan than the one this device has verified');
  }
  const weakness = weaknessOf(round.privacy, policy.privacy);
  if (weakness !== undefined) return refuse('privacy-below-policy', weakness);
  const { corruptFraction, securityBits } = round.requirements;
  if (corruptFraction < policy.corruptFractionMinimum || securityBits < policy.securityBitsMinimum) {
    return refuse(
      'security-below-policy',
      `the round withstands ${corruptFraction} of the cohort colluding, but for 2^-${securityBits}; this device's ` +
        `policy is ${policy.corruptFractionMinimum} and 2^-${policy.securityBitsMinimum}`,
    );
  }
  return undefined;
}
