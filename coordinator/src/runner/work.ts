import { createSeededEntropy, uint32 } from '@starling/federation';
import type { ArtifactRef, DeviceId, RoundKey } from '../ids.js';
import type { RoundPrivacy } from '../privacy/index.js';
import type { Collecting, RoundPurpose } from '../rounds/index.js';
import type { PreparedTask } from './prepared-task.js';

/** What one device is to do in one round. */
export interface Work {
  readonly key: RoundKey;
  readonly purpose: RoundPurpose;
  readonly task: PreparedTask;
  readonly checkpoint: ArtifactRef;
  readonly learningRate: number;
  /** 32 bits. */
  readonly seed: number;
  readonly deadlineAtMs: number;
  readonly privacy: RoundPrivacy | null;
}

export function workOf(task: PreparedTask, runSeed: number, round: Collecting, deviceId: DeviceId): Work {
  const { key, purpose, checkpoint, privacy } = round.started;
  return {
    key,
    purpose,
    task,
    checkpoint,
    learningRate: task.learningRateAt(key.round),
    seed: deviceSeed(runSeed, key.round, deviceId),
    deadlineAtMs: round.deadlineAtMs,
    privacy,
  };
}

/** Decided by run, round and device, not by the attempt: a round that is tried again gives the same updates. */
export function deviceSeed(runSeed: number, round: number, deviceId: DeviceId): number {
  return uint32(createSeededEntropy(`device/${runSeed}/${round}/${deviceId}`));
}
