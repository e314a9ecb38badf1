/** What a device was told to do in one round, after it was checked: trusted types inside. */
import type { FeatureContract, MetricSums } from '@starling/engine';
import type { AnalyticsQuery, NoiseTerms, SecureRoundSettings, UpdateEncoding } from '@starling/federation';

/** Names one attempt at one round of one run. */
export interface RoundKey {
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
}

export interface ArtifactReference {
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
}

/** What is done to an update so that the sum cannot tell of this device. */
export type UpdatePrivacy =
  /** The coordinator adds noise to the sum. */
  | ({ readonly kind: 'central' } & PrivacyPromise)
  /** This device adds its part of the noise before its update is masked. */
  | ({ readonly kind: 'distributed'; readonly noise: NoiseTerms } & PrivacyPromise);

interface PrivacyPromise {
  /** What all rounds of the task may spend together. */
  readonly epsilon: number;
  readonly delta: number;
  /** The largest L2 norm of the update. */
  readonly clipBound: number;
  /** Whether the device tells if its update was within the bound. */
  readonly countWithinBound: boolean;
  /** Standard deviation of the noise on the sum, divided by the clipping bound. */
  readonly noiseMultiplier: number;
}

export type Work =
  | {
      readonly kind: 'train';
      readonly epochs: number;
      readonly learningRate: number;
      readonly seed: number;
      readonly encoding: UpdateEncoding;
      /** Most examples to use; 0 means all. */
      readonly examplesMax: number;
      /** `null` where the task promises nothing. */
      readonly privacy: UpdatePrivacy | null;
    }
  | { readonly kind: 'evaluate' }
  | {
      readonly kind: 'analyze';
      readonly query: AnalyticsQuery;
      readonly seed: number;
      readonly encoding: UpdateEncoding;
      /** `null` where the task promises nothing. */
      readonly privacy: UpdatePrivacy | null;
    };

export interface Assignment {
  readonly round: RoundKey;
  readonly taskName: string;
  readonly planManifest: ArtifactReference;
  readonly checkpoint: ArtifactReference;
  readonly contract: FeatureContract;
  readonly work: Work;
  /** Share of the local examples that training leaves out and evaluation uses, in thousandths. */
  readonly holdoutPermille: number;
  /** Time until the stage's deadline when the assignment was given, in milliseconds. */
  readonly deadlineMs: number;
  /** Present where what this device gives is summed under masks. */
  readonly secure?: SecureTerms | undefined;
}

/** How a contribution is encoded, masked and summed. */
export interface SecureTerms {
  readonly settings: SecureRoundSettings;
  /** Decides the rotation of this round; the same for the whole cohort. */
  readonly rotationSeed: Uint8Array;
  /** SHA-256 of what all devices of the round are asked alike: each signs for it with its keys. */
  readonly requestHash: Uint8Array;
}

/** Why a device gives a round up; the wire's `FailureReason`. */
export type FailureReason = 'examples' | 'plan' | 'training' | 'interrupted' | 'refused';

/** What work on a round gave, ready to be delivered. An update lies in the state directory, not in memory. */
export type Outcome =
  | { readonly kind: 'update'; readonly update: FinishedUpdate }
  | { readonly kind: 'evaluation'; readonly metrics: MetricSums };

/** A trained and encoded update that waits in the state directory until the coordinator counted it. */
export interface FinishedUpdate {
  readonly round: RoundKey;
  readonly taskName: string;
  /** Of the encoded payload, lower-case hexadecimal. */
  readonly sha256: string;
  readonly bytes: number;
  readonly exampleCount: number;
  readonly metrics: MetricSums;
  readonly trainingMs: number;
  /** Whether it is summed under masks; then examples, metrics and times are in it, and none are said here. */
  readonly masked?: boolean | undefined;
}

export function sameRound(a: RoundKey, b: RoundKey): boolean {
  return a.runId === b.runId && a.round === b.round && a.attempt === b.attempt;
}

export function describeRound(key: RoundKey): string {
  return `run ${key.runId}, round ${key.round}, attempt ${key.attempt}`;
}
