import { SecureAggregationError } from './errors.js';
import { checkRequirements, dropoutMaximum, type GraphRequirements } from './graph/index.js';
import type { PrivacyOffer } from './privacy-offer.js';
import { checkRingBits } from './ring/index.js';
import { digest } from './transcript.js';

/** What everybody in a round agrees on before it begins. Each device signs its hash with its keys. */
export interface SecureRound {
  readonly run: string;
  readonly round: number;
  /** Counts how often the round was begun; 1 the first time. */
  readonly attempt: number;
  /** SHA-256 of the plan that the devices execute: 32 bytes. */
  readonly planHash: Uint8Array;
  /**
   * SHA-256 of everything else that all devices are asked alike (the checkpoint, how to train or what to answer, the encoding):
   * 32 bytes. A device that was asked for something else would be alone with what it says in the sum.
   */
  readonly requestHash: Uint8Array;
  /** Elements are of Z_2^ringBits. */
  readonly ringBits: number;
  /** Elements of the masked vector. */
  readonly vectorLength: number;
  /** The round is abandoned below this number of survivors. */
  readonly cohortMinimum: number;
  readonly requirements: GraphRequirements;
  readonly privacy: PrivacyOffer;
}

/** Throws `SecureAggregationError` `invalid-setting` or `wrong-length` that says what is wrong. */
export function checkRound(round: SecureRound): void {
  checkRingBits(round.ringBits);
  checkRequirements(round.requirements);
  for (const [name, { length }] of [
    ['plan', round.planHash],
    ['request', round.requestHash],
  ] as const) {
    if (length !== 32) {
      throw new SecureAggregationError('wrong-length', `a ${name} hash is 32 bytes, got ${length}`);
    }
  }
  const counts: readonly [string, number, number][] = [
    ['round', round.round, 0],
    ['attempt', round.attempt, 0],
    ['vectorLength', round.vectorLength, 1],
    ['cohortMinimum', round.cohortMinimum, 2],
  ];
  for (const [name, value, minimum] of counts) {
    if (!Number.isSafeInteger(value) || value < minimum || value > 2 ** 31) {
      throw new SecureAggregationError(
        'invalid-setting',
        `${name} must be an integer in ${minimum}..2^31, got ${value}`,
      );
    }
  }
}

/** SHA-256 of all of `round`: 32 bytes. */
export function roundHash(round: SecureRound): Uint8Array {
  const { requirements, privacy } = round;
  return digest(
    'round',
    round.run,
    round.round,
    round.attempt,
    round.planHash,
    round.requestHash,
    round.ringBits,
    round.vectorLength,
    round.cohortMinimum,
    requirements.corruptFraction,
    requirements.dropoutFraction,
    requirements.securityBits,
    requirements.correctnessBits,
    privacy.kind,
    privacy.kind === 'none' ? 0 : privacy.epsilon,
    privacy.kind === 'none' ? 0 : privacy.delta,
    ...(privacy.kind === 'distributed'
      ? [privacy.noise.mechanism, privacy.noise.noiseStddevSteps, privacy.noise.sampling]
      : []),
  );
}

/** The fewest survivors with which `devices`, all that advertised keys, may finish. */
export function survivorsMinimum(
  round: Pick<SecureRound, 'cohortMinimum' | 'requirements'>,
  devices: number,
): number {
  return Math.max(round.cohortMinimum, devices - dropoutMaximum(devices, round.requirements));
}
