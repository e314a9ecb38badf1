import { createSeededEntropy, type SecureRoundSettings, uint32 } from '@starling/federation';
import type { ArtifactRef, DeviceId, RoundKey } from '../ids.js';
import type { RoundPrivacy } from '../privacy/index.js';
import {
  type AdvertisingKeys,
  type Collecting,
  type RoundPurpose,
  type RoundState,
  type SharingKeys,
  standingInExchange,
  standingOf,
} from '../rounds/index.js';
import { type PreparedTask, secureSettingsOf } from './prepared-task.js';

/** What all devices of a round are asked alike. */
export interface Request {
  readonly key: RoundKey;
  readonly purpose: RoundPurpose;
  readonly task: PreparedTask;
  readonly checkpoint: ArtifactRef;
  readonly learningRate: number;
  readonly privacy: RoundPrivacy | null;
  /** Present where what the device gives is aggregated securely. */
  readonly secure: SecureWork | null;
}

/** What one device is to do in one round. */
export interface Work extends Request {
  /** 32 bits. */
  readonly seed: number;
  readonly deadlineAtMs: number;
}

export interface SecureWork {
  readonly settings: SecureRoundSettings;
  /** Public, the same for the whole cohort: 32 bytes. */
  readonly rotationSeed: Uint8Array;
}

/** The round in a stage in which a device may begin, or go on with, its work. */
export type RoundWithWork = AdvertisingKeys | SharingKeys | Collecting;

export function workOf(task: PreparedTask, runSeed: number, round: RoundWithWork, deviceId: DeviceId): Work {
  return {
    ...requestOf(task, runSeed, round),
    seed: deviceSeed(runSeed, round.started.key.round, deviceId),
    deadlineAtMs: round.deadlineAtMs,
  };
}

export function requestOf(task: PreparedTask, runSeed: number, round: Pick<RoundState, 'started'>): Request {
  const { key, purpose, checkpoint, privacy } = round.started;
  const settings = secureSettingsOf(task, round);
  return {
    key,
    purpose,
    task,
    checkpoint,
    learningRate: task.learningRateAt(key.round),
    secure: settings && { settings, rotationSeed: rotationSeed(runSeed, key.round) },
    privacy,
  };
}

/** Decided by run and round, not by the attempt, like everything else that decides what an update is. */
export function rotationSeed(runSeed: number, round: number): Uint8Array {
  return createSeededEntropy(`rotation/${runSeed}/${round}`).bytes(32);
}

/** Decided by run, round and device, not by the attempt: a round that is tried again gives the same updates. */
export function deviceSeed(runSeed: number, round: number, deviceId: DeviceId): number {
  return uint32(createSeededEntropy(`device/${runSeed}/${round}/${deviceId}`));
}

/** A device that comes back goes on with what it has not finished. */
export function hasWork(round: RoundState, deviceId: DeviceId): round is RoundWithWork {
  switch (round.stage) {
    case 'collect':
      return standingOf(round, deviceId).kind === 'may-contribute';
    case 'advertise-keys':
    case 'share-keys': {
      const { kind } = standingInExchange(round, deviceId);
      return kind === 'may-answer' || kind === 'answered';
    }
    default:
      return false;
  }
}
