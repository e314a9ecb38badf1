/** What happened in a round; the round's state is the fold of these, and nothing else is remembered. */
import type { AnalyticsResult, EncodingReport } from '@starling/federation';
import type { ArtifactRef, DeviceId, RoundKey } from '../ids.js';
import type { ClippingMeasured, RoundPrivacy } from '../privacy/index.js';
import type { RoundPurpose, RoundSettings } from './settings.js';

/** Sums over examples; a mean is `sums[name] / weight`. */
export interface MetricSums {
  readonly weight: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** What remains of an update or evaluation after it was counted. */
export interface Contribution {
  readonly deviceId: DeviceId;
  /** Length of the encoded payload; 0 for an evaluation. */
  readonly payloadBytes: number;
  readonly metrics: MetricSums;
}

/** A partial sum on disk that holds exactly the updates counted up to the event that names it. */
export interface PartialSum {
  readonly file: string;
  /** Number of updates in it. */
  readonly count: number;
}

export type FailureReason = 'examples' | 'plan' | 'training' | 'interrupted' | 'refused';

/** The stages that secure aggregation adds before and after updates are collected. */
export type ExchangeStage = 'advertise-keys' | 'share-keys' | 'consistency' | 'unmask';

/** What a securely aggregated round tells of all contributions together. */
export interface SecureReport {
  readonly metrics: MetricSums;
  /** `null` where devices do not tell: an exact sum beside the noise would be a leak. */
  readonly encoding: EncodingReport | null;
}

export type AbandonCode =
  | 'RECRUIT_TIMEOUT'
  | 'DEADLINE_BELOW_QUORUM'
  | 'QUORUM_IMPOSSIBLE'
  | 'RUN_STOPPED'
  | 'STATE_LOST'
  | 'AGGREGATION_FAILED'
  | 'SECURE_AGGREGATION_FAILED';

export interface RoundStarted {
  readonly kind: 'round-started';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly purpose: RoundPurpose;
  readonly settings: RoundSettings;
  /** The parameters the cohort starts from. */
  readonly checkpoint: ArtifactRef;
  /** Decides who is selected of those who wait. */
  readonly selectionSeed: string;
  /** What was paid for before this event was written; `null` where the round promises nothing. */
  readonly privacy: RoundPrivacy | null;
}

export interface CohortSelected {
  readonly kind: 'cohort-selected';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly devices: readonly DeviceId[];
  readonly updatesWanted: number;
}

/** One group commit: all of these became part of the durable sum together. */
export interface ContributionsCounted {
  readonly kind: 'contributions-counted';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly contributions: readonly Contribution[];
  /** `null` in evaluation rounds, which have nothing but metric sums. */
  readonly partialSum: PartialSum | null;
}

export interface DeviceFailed {
  readonly kind: 'device-failed';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly deviceId: DeviceId;
  readonly reason: FailureReason;
  readonly message: string;
}

export interface CollectionClosed {
  readonly kind: 'collection-closed';
  readonly atMs: number;
  readonly key: RoundKey;
  /** Whether the sum's masks must be taken off before anything is made of it. */
  readonly masked: boolean;
  readonly cause: 'enough' | 'deadline' | 'nobody-left';
}

/** What these devices said in a stage of secure aggregation is durable: their messages are stored with this event. */
export interface StageAnswered {
  readonly kind: 'stage-answered';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly stage: ExchangeStage;
  readonly devices: readonly DeviceId[];
  /** Whether what there is now is all that the stage needs. */
  readonly suffices: boolean;
}

export interface StageClosed {
  readonly kind: 'stage-closed';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly stage: ExchangeStage;
  readonly cause: CollectionClosed['cause'];
}

export interface RoundCommitted {
  readonly kind: 'round-committed';
  readonly atMs: number;
  readonly key: RoundKey;
  /** The new checkpoint; an evaluation round gives the one it measured. */
  readonly checkpoint: ArtifactRef;
  /** State of the server's strategy after this round; `null` where it keeps none. */
  readonly strategyState: ArtifactRef | null;
  readonly updates: number;
  readonly durationMs: number;
  readonly bytesUploaded: number;
  /** Bytes of plans and checkpoints sent to devices since the last commit. */
  readonly bytesDownloaded: number;
  /** `null` where contributions were not masked. */
  readonly secure: SecureReport | null;
  /** `null` where the clipping bound does not adapt. */
  readonly clipping: ClippingMeasured | null;
  /** The answer of a round that asked a question; it leaves the checkpoint as it was. */
  readonly analytics: AnalyticsResult | null;
}

export interface RoundAbandoned {
  readonly kind: 'round-abandoned';
  readonly atMs: number;
  readonly key: RoundKey;
  readonly code: AbandonCode;
  readonly reason: string;
}

export type RoundEvent =
  | RoundStarted
  | CohortSelected
  | ContributionsCounted
  | DeviceFailed
  | CollectionClosed
  | StageAnswered
  | StageClosed
  | RoundCommitted
  | RoundAbandoned;
