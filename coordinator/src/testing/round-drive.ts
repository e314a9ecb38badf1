/** A round's state machine driven without I/O. */
import type { DeviceId, RoundKey } from '../ids.js';
import type { Contribution, RoundEvent, RoundStarted } from '../rounds/events.js';
import { decideRound, evolveRound, type RoundCommand, type RoundSettings } from '../rounds/index.js';
import { artifact, deviceId, runId } from './values.js';

export const fleet = Array.from({ length: 12 }, (_, index) => deviceId(`device-${index}`));
const key: RoundKey = { runId: runId('run'), round: 1, attempt: 1 };
const checkpoint = artifact('0');
export const settings: RoundSettings = {
  updatesWanted: 4,
  overSelection: 1.5,
  updatesMin: 2,
  recruitTimeoutMs: 1000,
  recruitGraceMs: 100,
  collectTimeoutMs: 1000,
  collectProgressMs: 400,
  collectTimeoutMaxMs: 2000,
  secure: null,
};
export const started: RoundStarted = {
  kind: 'round-started',
  atMs: 0,
  key,
  purpose: 'train',
  settings,
  checkpoint,
  selectionSeed: 'seed',
  privacy: null,
};

function contribution(device: DeviceId): Contribution {
  return { deviceId: device, payloadBytes: 4, metrics: { weight: 1, sums: { loss: 1 } } };
}

/** Applies a command as the driver does, and keeps what it stored. */
export function createRoundDrive(first: RoundStarted = started) {
  let state = evolveRound(null, first);
  const log: RoundEvent[] = [first];
  return {
    state: () => state,
    log,
    apply(command: RoundCommand) {
      const decision = decideRound(state, command);
      if (decision.kind === 'accepted') {
        for (const event of decision.events) {
          state = evolveRound(state, event);
          log.push(event);
        }
      }
      return decision;
    },
  };
}

export function advance(nowMs: number, candidates: readonly DeviceId[], lastArrivalAtMs = 0): RoundCommand {
  return { kind: 'advance', nowMs, candidates, expected: candidates.length, lastArrivalAtMs };
}

export function count(nowMs: number, ...devices: DeviceId[]): RoundCommand {
  return { kind: 'count', nowMs, contributions: devices.map(contribution), partialSum: null };
}
