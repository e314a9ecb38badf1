/** The transport port: what the agent asks of a coordinator, in the agent's own types. */
import type { MetricSums } from '@starling/engine';
import type {
  AdvertisedKeys,
  CollectedSignatures,
  DeliveredShares,
  RevealedShares,
  Roster,
  SharedKeys,
  SignedSurvivors,
  SurvivorsAnnouncement,
} from '@starling/federation';
import type { Assignment, FailureReason, FinishedUpdate, RoundKey } from './assignment.js';

/** What a coordinator answers to a check-in. */
export type Directive =
  | { readonly kind: 'work'; readonly assignment: Assignment }
  /** Work that this agent must not or cannot do; the round is told why. */
  | {
      readonly kind: 'unacceptable';
      readonly round: RoundKey;
      readonly reason: FailureReason;
      readonly message: string;
    }
  | {
      readonly kind: 'come-back';
      readonly earliestMs: number;
      readonly latestMs: number;
      readonly reason: string;
    };

export type RoundStage =
  | 'recruit'
  | 'advertise-keys'
  | 'share-keys'
  | 'collect'
  | 'consistency'
  | 'unmask'
  | 'aggregate'
  | 'committed'
  | 'abandoned';

export interface RoundState {
  readonly stage: RoundStage;
  readonly selected: boolean;
  readonly counted: boolean;
  readonly deadlineMs: number;
  readonly reason: string;
}

export interface HeldUpload {
  readonly receivedBytes: number;
  readonly counted: boolean;
}

export interface CheckIn {
  readonly taskNames: readonly string[];
  readonly holdMsMax: number;
}

/** Every call may fail with a {@link CallError}; every call ends early when `signal` aborts. */
export interface Transport extends SecureTransport {
  checkIn(request: CheckIn, signal: AbortSignal): Promise<Directive>;
  roundState(round: RoundKey, signal: AbortSignal): Promise<RoundState>;
  /** The bytes of an artifact from `offset` on. */
  download(sha256: string, offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
  heldUpload(update: FinishedUpdate, signal: AbortSignal): Promise<HeldUpload>;
  /** Sends the payload from `offset` on; settles when the update is durable. */
  upload(
    update: FinishedUpdate,
    offset: number,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;
  reportEvaluation(round: RoundKey, metrics: MetricSums, signal: AbortSignal): Promise<void>;
  reportFailure(round: RoundKey, reason: FailureReason, message: string, signal: AbortSignal): Promise<void>;
  /** Settles when the coordinator is reached, whether or not it has answered anything; rejects where it never is. */
  whenReached?(): Promise<void>;
  close(): void;
}

/** The stages of secure aggregation: each hands in what this device says, and settles with what the next begins with. */
export interface SecureTransport {
  advertiseKeys(round: RoundKey, keys: AdvertisedKeys, signal: AbortSignal): Promise<Roster>;
  shareKeys(round: RoundKey, shared: SharedKeys, signal: AbortSignal): Promise<DeliveredShares>;
  awaitSurvivors(round: RoundKey, signal: AbortSignal): Promise<SurvivorsAnnouncement>;
  signSurvivors(round: RoundKey, signed: SignedSurvivors, signal: AbortSignal): Promise<CollectedSignatures>;
  revealShares(round: RoundKey, revealed: RevealedShares, signal: AbortSignal): Promise<void>;
}

export type CallFailure =
  /** The coordinator cannot be reached, or asks to wait: the same call may go well later. */
  | {
      readonly kind: 'later';
      readonly message: string;
      readonly retryAfterMs: number;
      readonly code?: string | undefined;
    }
  /** The coordinator understood and said no; repeating does not help. */
  | { readonly kind: 'refused'; readonly message: string; readonly code: string }
  /** This agent and this coordinator cannot work together; somebody must act. */
  | { readonly kind: 'incompatible'; readonly message: string; readonly code?: string | undefined };

/** A call that failed; the stages decide by its `failure`. */
export class CallError extends Error {
  readonly failure: CallFailure;

  constructor(failure: CallFailure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.name = 'CallError';
    this.failure = failure;
  }
}
