/** Checks what the coordinator wants done before anything acts on it: bounds, revision, presence of fields. */
import { type ExamplesError, parseFeatureContract } from '@starling/engine/examples';
import {
  AnalyticsError,
  checkEncoding,
  deviceStddevMaximum,
  type NoiseTerms,
  type PrivacyPolicy,
  parseQuery,
  type UpdateEncoding,
  weaknessOf,
} from '@starling/federation';
import type {
  ArtifactReference as WireArtifact,
  Assignment as WireAssignment,
  UpdateEncoding as WireEncoding,
  DeviceNoise as WireNoise,
  UpdatePrivacy as WirePrivacy,
} from '@starling/proto';
import { requestHash } from '@starling/proto';
import type { ArtifactReference, Assignment, RoundKey, UpdatePrivacy, Work } from './assignment.js';
import { offerOf, readSecureTerms } from './read-secure-terms.js';
import type { Directive } from './transport.js';
import { Unacceptable } from './unacceptable.js';

/** What this device is willing to do in one round, whoever asks. */
export interface WorkLimits {
  readonly epochsMax: number;
  readonly planManifestBytesMax: number;
  readonly planBytesMax: number;
  readonly checkpointBytesMax: number;
  readonly contractCharactersMax: number;
  /** Whether updates may leave this device under masks only. */
  readonly secureAggregationRequired: boolean;
  /** The least that a round must promise, under masks or in the clear. */
  readonly privacy: PrivacyPolicy;
}

export const defaultWorkLimits: WorkLimits = {
  epochsMax: 1000,
  planManifestBytesMax: 4 << 20,
  planBytesMax: 1 << 30,
  checkpointBytesMax: 2 ** 31,
  contractCharactersMax: 1 << 20,
  secureAggregationRequired: false,
  privacy: { require: 'none', epsilonMaximum: Number.POSITIVE_INFINITY, deltaMaximum: 1 },
};

/**
 * Gives work, or the reason why it is refused. An assignment without a round cannot even be refused.
 *
 * @throws RangeError where the round is not named
 */
export function readAssignment(wire: WireAssignment, limits: WorkLimits): Directive {
  const round = readRound(wire);
  try {
    return { kind: 'work', assignment: accept(wire, round, limits) };
  } catch (error) {
    if (error instanceof Unacceptable) {
      return { kind: 'unacceptable', round, reason: error.reason, message: error.message };
    }
    throw error;
  }
}

function readRound(wire: WireAssignment): RoundKey {
  const { round } = wire;
  if (
    round === undefined ||
    round.runId === '' ||
    round.runId.length > 128 ||
    round.round === 0 ||
    round.attempt === 0
  ) {
    throw new RangeError('the coordinator assigned work without naming run, round and attempt');
  }
  return { runId: round.runId, round: round.round, attempt: round.attempt };
}

function accept(wire: WireAssignment, round: RoundKey, limits: WorkLimits): Assignment {
  const holdoutPermille = wire.evaluation?.holdoutPermille ?? 0;
  require(holdoutPermille <=
    1000, `The assignment holds out ${holdoutPermille} thousandths of the examples; at most 1000 can be.`);
  const work = readWork(wire, limits);
  return {
    round,
    taskName: wire.taskName,
    planManifest: readArtifact(wire.planManifest, 'plan manifest', limits.planManifestBytesMax),
    checkpoint: readArtifact(wire.checkpoint, 'checkpoint', limits.checkpointBytesMax),
    contract: readContract(wire.featureContractJson, limits),
    work,
    holdoutPermille,
    deadlineMs: wire.deadlineMs,
    secure: readSecure(wire, work, limits),
  };
}

function readSecure(wire: WireAssignment, work: Work, limits: WorkLimits): Assignment['secure'] {
  const { secureAggregation } = wire;
  const privacy = work.kind === 'evaluate' ? null : work.privacy;
  if (secureAggregation !== undefined) {
    return { ...readSecureTerms(secureAggregation, privacy), requestHash: requestHash(wire) };
  }
  if (privacy?.kind === 'distributed') {
    throw new Unacceptable(
      'refused',
      'noise-without-masks: the noise of one device hides nothing where its update is sent in the clear.',
    );
  }
  if (limits.secureAggregationRequired) {
    throw new Unacceptable(
      'refused',
      "secure-aggregation-required: the round wants the update in the clear, and this device's policy does not allow that.",
    );
  }
  // Under masks the protocol itself holds the round to the policy.
  const weakness = weaknessOf(offerOf(privacy), limits.privacy);
  if (weakness !== undefined) throw new Unacceptable('refused', `privacy-below-policy: ${weakness}.`);
  return undefined;
}

function readArtifact(wire: WireArtifact | undefined, what: string, bytesMax: number): ArtifactReference {
  if (wire === undefined || wire.sha256.length !== 32 || wire.sizeBytes === 0) {
    throw new Unacceptable('plan', `The assignment does not name the ${what} by SHA-256 and size.`);
  }
  require(wire.sizeBytes <=
    bytesMax, `The ${what} has ${wire.sizeBytes} bytes; this device takes at most ${bytesMax}.`);
  return { sha256: Buffer.from(wire.sha256).toString('hex'), bytes: wire.sizeBytes };
}

function readContract(json: string, limits: WorkLimits): Assignment['contract'] {
  require(json.length <=
    limits.contractCharactersMax, `The feature contract is longer than ${limits.contractCharactersMax} characters.`);
  try {
    return parseFeatureContract(json);
  } catch (error) {
    throw new Unacceptable(
      'plan',
      `The assignment's contract is invalid: ${(error as ExamplesError).message}`,
    );
  }
}

function readWork(wire: WireAssignment, limits: WorkLimits): Work {
  if (wire.purpose === 'evaluate') {
    return { kind: 'evaluate' };
  }
  if (wire.purpose === 'analyze') return readQuestion(wire);
  const { training } = wire;
  if (wire.purpose !== 'train' || training === undefined) {
    throw new Unacceptable(
      'plan',
      'The assignment asks for neither training nor evaluation with its settings.',
    );
  }
  const { epochs, learningRate, seed, examplesMax } = training;
  require(epochs >= 1 &&
    epochs <=
      limits.epochsMax, `The assignment asks for ${epochs} epochs; this device does 1 to ${limits.epochsMax}.`);
  require(Number.isFinite(learningRate) &&
    learningRate >= 0, 'The learning rate of the assignment is not a finite number of at least 0.');
  return {
    kind: 'train',
    epochs,
    learningRate,
    seed,
    examplesMax,
    encoding: readEncoding(training.encoding),
    privacy: readPrivacy(training.privacy),
  };
}

function readPrivacy(wire: WirePrivacy | undefined): UpdatePrivacy | null {
  if (wire === undefined) return null;
  const { kind, epsilon, delta, clipBound, countWithinBound, noiseMultiplier } = wire;
  if (kind !== 'central' && kind !== 'distributed') {
    throw new Unacceptable(
      'plan',
      'The assignment promises a kind of privacy that this agent does not know.',
    );
  }
  require(epsilon > 0 &&
    delta > 0 &&
    delta < 1, `The assignment promises ε = ${epsilon}, δ = ${delta}; that is no privacy.`);
  require(clipBound > 0 &&
    Number.isFinite(clipBound), `The assignment clips to ${clipBound}; a bound is a positive number.`);
  const promise = { epsilon, delta, clipBound, countWithinBound, noiseMultiplier };
  return kind === 'central'
    ? { kind, ...promise }
    : { kind, ...promise, noise: readDeviceNoise(wire.deviceNoise) };
}

function readDeviceNoise(wire: WireNoise | undefined): NoiseTerms {
  if (wire === undefined || wire.mechanism === 'unspecified') {
    throw new Unacceptable(
      'plan',
      'The assignment promises distributed noise of a kind that this agent does not know.',
    );
  }
  const { noiseStddevSteps, sampling } = wire;
  const mechanism = wire.mechanism === 'skellam' ? 'skellam' : 'discrete-gaussian';
  require(noiseStddevSteps > 0 &&
    noiseStddevSteps <=
      deviceStddevMaximum[
        mechanism
      ], `The assignment asks for ${mechanism} noise of ${noiseStddevSteps} steps; this agent draws up to ${deviceStddevMaximum[mechanism]}.`);
  require(sampling > 0 &&
    sampling <= 1, `The assignment claims that a share of ${sampling} of the devices takes part.`);
  return { mechanism, noiseStddevSteps, sampling };
}

function readQuestion({ analytics }: WireAssignment): Work {
  if (analytics === undefined) {
    throw new Unacceptable('plan', 'The assignment asks a question without saying which.');
  }
  const { queryJson, seed, encoding, privacy } = analytics;
  require(queryJson.length <=
    queryCharactersMax, `The question is longer than ${queryCharactersMax} characters.`);
  try {
    const query = parseQuery(queryJson);
    return { kind: 'analyze', query, seed, encoding: readEncoding(encoding), privacy: readPrivacy(privacy) };
  } catch (error) {
    if (error instanceof AnalyticsError) throw new Unacceptable('plan', error.message);
    throw error;
  }
}

const queryCharactersMax = 10_000;

function readEncoding(wire: WireEncoding | undefined): UpdateEncoding {
  const kind = wire?.kind;
  if (kind === undefined) {
    throw new Unacceptable('plan', 'The assignment names no update encoding that this agent knows.');
  }
  if (kind.kind === 'float32') {
    return { kind: 'float32' };
  }
  const { bits, blockSize } = kind.value;
  require(bits === 8, `The assignment asks for ${bits}-bit quantization; this agent knows 8.`);
  const encoding: UpdateEncoding = { kind: 'stochastic-quantization', bits: 8, blockSize };
  try {
    checkEncoding(encoding);
  } catch (error) {
    throw new Unacceptable('plan', `The assignment's update encoding is invalid: ${String(error)}`);
  }
  return encoding;
}

function require(condition: boolean, message: string): asserts condition {
  if (!condition) {
    throw new Unacceptable('plan', message);
  }
}
