/**
 * A rollout: a release on its way to the fleet in stages, a pure state machine. Which devices a stage reaches is decided by
 * their names and labels alone, so a device that has the release keeps it while the stages grow.
 */
import { createHash } from 'node:crypto';
import type { DeviceId } from '../ids.js';

export type RolloutState = 'running' | 'paused' | 'completed' | 'stopped' | 'aborted';

/** A percentage of the fleet, or the devices with a label. */
export type RolloutStage = number | { readonly key: string; readonly value: string };

export interface Rollout {
  readonly name: string;
  readonly version: number;
  /** What devices run that it has not reached, and all of them where it fails; 0 for nothing. */
  readonly versionBefore: number;
  readonly state: RolloutState;
  /** Each holds those before it; the last is the whole fleet. */
  readonly stages: readonly RolloutStage[];
  /** Index of the stage that it has reached. */
  readonly stage: number;
  /** Of the devices that it has reached, how many percent must have proven it before the next stage. */
  readonly provenPercent: number;
  /** Devices on which it may fail before it is stopped. */
  readonly failuresMax: number;
  /** Why it is not running, a sentence; else empty. */
  readonly reason: string;
  readonly startedAtMs: number;
}

/** How the version does. */
export interface RolloutTally {
  /** Devices that ask for releases. */
  readonly fleet: number;
  /** Those of them whom the stage gives the version, whether they have it yet or not. */
  readonly reached: number;
  readonly proven: number;
  readonly failed: number;
}

export type RolloutEvent =
  | { readonly kind: 'tallied'; readonly tally: RolloutTally }
  | { readonly kind: 'pause' | 'resume' | 'abort' };

/** Gives the rollout as it was where the event changes nothing. */
export function stepRollout(rollout: Rollout, event: RolloutEvent): Rollout {
  switch (event.kind) {
    case 'pause':
      return rollout.state === 'running'
        ? { ...rollout, state: 'paused', reason: 'An operator paused it.' }
        : rollout;
    case 'resume':
      return rollout.state === 'paused' ? { ...rollout, state: 'running', reason: '' } : rollout;
    case 'abort':
      return isOver(rollout) ? rollout : { ...rollout, state: 'aborted', reason: 'An operator ended it.' };
    case 'tallied':
      return afterTally(rollout, event.tally);
  }
}

/** Whether nothing changes it any more. */
export function isOver({ state }: Rollout): boolean {
  return state === 'completed' || state === 'stopped' || state === 'aborted';
}

function afterTally(rollout: Rollout, { fleet, reached, proven, failed }: RolloutTally): Rollout {
  if (isOver(rollout)) return rollout;
  if (failed > rollout.failuresMax) {
    const reason = `It failed on ${failed} devices, of which ${rollout.failuresMax} were allowed.`;
    return { ...rollout, state: 'stopped', reason };
  }
  // A stage that is too small for this fleet reaches nobody, and proves nothing that could be waited for.
  if (rollout.state !== 'running' || fleet === 0) return rollout;
  // Devices on which it failed, no more than are allowed, went back: the others decide.
  const left = Math.max(0, reached - failed);
  if (reached > 0 && left === 0) {
    const reason = `It failed on every device that it reached, ${failed} of them.`;
    return { ...rollout, state: 'stopped', reason };
  }
  if (proven * 100 < left * rollout.provenPercent) return rollout;
  if (rollout.stage + 1 < rollout.stages.length) return { ...rollout, stage: rollout.stage + 1 };
  return { ...rollout, state: 'completed' };
}

/** Whether a device belongs to a stage that the rollout has reached. */
export function isReached(
  rollout: Rollout,
  deviceId: DeviceId,
  labels: Readonly<Record<string, string>> = {},
): boolean {
  const place = placeOf(rollout, deviceId);
  return rollout.stages
    .slice(0, rollout.stage + 1)
    .some((stage) => (typeof stage === 'number' ? place < stage : labels[stage.key] === stage.value));
}

/** The version that a device should run as far as this rollout goes; 0 for none. */
export function wantedVersion(
  rollout: Rollout,
  deviceId: DeviceId,
  labels: Readonly<Record<string, string>> = {},
): number {
  switch (rollout.state) {
    case 'completed':
      return rollout.version;
    case 'stopped':
    case 'aborted':
      return rollout.versionBefore;
    case 'running':
    case 'paused':
      return isReached(rollout, deviceId, labels) ? rollout.version : rollout.versionBefore;
  }
}

/** A device's place in the order in which the release reaches the fleet: uniform in 0 to 100, other for each version. */
export function placeOf({ name, version }: Rollout, deviceId: DeviceId): number {
  const hash = createHash('sha256').update(`rollout\0${name}\0${version}\0${deviceId}`).digest();
  return (hash.readUInt32BE(0) / 2 ** 32) * 100;
}
