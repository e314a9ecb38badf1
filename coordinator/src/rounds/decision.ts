/** What a state machine answers to a command: events to store first, then effects to carry out; or a refusal. */
import type { AnalyticsResult } from '@starling/federation';
import type { Refusal } from '../errors.js';
import type { ArtifactRef, DeviceId, RoundKey } from '../ids.js';
import type { ClippingMeasured, RoundPayment } from '../privacy/index.js';
import type {
  AbandonCode,
  Contribution,
  DeviceFailed,
  ExchangeStage,
  FailureReason,
  PartialSum,
  RoundEvent,
  SecureReport,
} from './events.js';

export type RoundCommand =
  /** Time passed, or somebody came: the candidates are all devices that wait for work of this kind. */
  | {
      readonly kind: 'advance';
      readonly nowMs: number;
      readonly candidates: readonly DeviceId[];
      /** Number of devices that wait or are believed to come back soon. */
      readonly expected: number;
      /** When the newest of the candidates came; 0 where nobody has. */
      readonly lastArrivalAtMs: number;
      /** Of the training round that may start now, where it must be paid for. */
      readonly payment?: RoundPayment;
    }
  | {
      readonly kind: 'count';
      readonly nowMs: number;
      readonly contributions: readonly Contribution[];
      readonly partialSum: PartialSum | null;
    }
  | {
      readonly kind: 'answer';
      readonly nowMs: number;
      readonly stage: ExchangeStage;
      readonly devices: readonly DeviceId[];
      /** Whether, with these, the stage has all that it needs. */
      readonly suffices: boolean;
    }
  | {
      readonly kind: 'fail-device';
      readonly nowMs: number;
      readonly deviceId: DeviceId;
      readonly reason: FailureReason;
      readonly message: string;
    }
  | {
      readonly kind: 'commit';
      readonly nowMs: number;
      readonly checkpoint: ArtifactRef;
      readonly strategyState: ArtifactRef | null;
      readonly bytesDownloaded: number;
      readonly secure: SecureReport | null;
      readonly clipping?: ClippingMeasured | null;
      readonly analytics?: AnalyticsResult | null;
    }
  | {
      readonly kind: 'abandon';
      readonly nowMs: number;
      readonly code: AbandonCode;
      readonly reason: string;
    };

export type FailDevice = Extract<RoundCommand, { kind: 'fail-device' }>;

export type RoundEffect =
  /** Give these devices their assignment. */
  | { readonly kind: 'assign'; readonly key: RoundKey; readonly devices: readonly DeviceId[] }
  /** Make the aggregate and come back with `commit`. */
  | { readonly kind: 'aggregate'; readonly key: RoundKey }
  /** The attempt is over: drop its sums and uploads, answer those who still send. */
  | { readonly kind: 'release'; readonly key: RoundKey };

export type Decision<Event, Effect> =
  | {
      readonly kind: 'accepted';
      readonly events: readonly Event[];
      readonly effects: readonly Effect[];
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export type RoundDecision = Decision<RoundEvent, RoundEffect>;

/** The effects of an event leave the process after the event is in the store. */
export function effectsOf(event: RoundEvent): readonly RoundEffect[] {
  switch (event.kind) {
    case 'cohort-selected':
      return [{ kind: 'assign', key: event.key, devices: event.devices }];
    case 'collection-closed':
      return event.masked ? [] : [{ kind: 'aggregate', key: event.key }];
    case 'stage-closed':
      return event.stage === 'unmask' ? [{ kind: 'aggregate', key: event.key }] : [];
    case 'round-committed':
    case 'round-abandoned':
      return [{ kind: 'release', key: event.key }];
    case 'round-started':
    case 'stage-answered':
    case 'contributions-counted':
    case 'device-failed':
      return [];
  }
}

export function deviceFailed(key: RoundKey, { nowMs, deviceId, reason, message }: FailDevice): DeviceFailed {
  return { kind: 'device-failed', atMs: nowMs, key, deviceId, reason, message };
}

export function accept(...events: readonly RoundEvent[]): RoundDecision {
  return { kind: 'accepted', events, effects: events.flatMap(effectsOf) };
}

export function refuse(refusal: Refusal): RoundDecision {
  return { kind: 'refused', refusal };
}
