/** Whom a round that recruits could select now, and whom it may yet wait for. */
import type { Pool } from '../check-in/pool.js';
import type { DeviceId } from '../ids.js';
import { cohortSizeOf, waitingFor } from '../rounds/index.js';
import { missingCapability, type PreparedTask } from './prepared-task.js';
import type { RunActor } from './run-actor.js';
import type { UnfitDevices } from './unfit-devices.js';

export interface Candidates {
  readonly devices: readonly DeviceId[];
  readonly lastArrivalAtMs: number;
  /** How many there would be with those who are on their way. */
  readonly expected: number;
}

/** Devices told to come back within this share of the collecting time are worth waiting for. */
const standByShare = 0.25;

export function findCandidates(
  actor: RunActor,
  task: PreparedTask,
  pool: Pool,
  unfit: UnfitDevices,
  nowMs: number,
): Candidates {
  const { round, started } = actor.state();
  if (round?.stage !== 'recruit') return { devices: [], lastArrivalAtMs: 0, expected: 0 };
  const { settings } = round.started;
  const found = pool.candidates({
    taskName: task.name,
    canServe: (capabilities) => missingCapability(task, capabilities) === undefined,
    wanted: waitingFor(cohortSizeOf(settings), settings),
    backByMs: nowMs + settings.collectTimeoutMs * standByShare,
  });
  // Those who finished the round before are on their way back, unless they are here already.
  const before = actor.rounds().find((each) => each !== round && each.started.key.runId === started.runId);
  const returning = before?.stage === 'committed' ? before.counted.keys() : [];
  const fit = unfit.leaveOut(found.devices, round.started.key.round);
  // Whoever does not fit gets another chance when time is up: its examples may be mended, and nobody else came.
  const timeIsUp = nowMs >= round.started.atMs + settings.recruitTimeoutMs;
  const fewest = waitingFor(settings.updatesMin, settings);
  const devices = timeIsUp && fit.length < fewest ? found.devices : fit;
  const expected = new Set([...devices, ...returning]).size;
  return { ...found, devices, expected };
}
