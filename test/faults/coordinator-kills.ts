/** Kills a coordinator with SIGKILL again and again while real agents learn, and looks at what comes of the run. */
import { createSeededEntropy, shuffle, uniform } from '@starling/federation';
import {
  checkRunLog,
  coordinatorFolder,
  createScope,
  freePort,
  readRunLog,
  type StoredEvent,
  startCoordinatorProcess,
  startFleet,
  startSlowLink,
  within,
} from '../support/index.js';
import { moment } from './aim.js';
import { type KillPoint, killPoints, pointsOf } from './kill-points.js';

export interface CoordinatorKillsOptions {
  /** Decides where is killed in which order, and how long after the aim is reached. */
  readonly seed: number;
  /** Number of kills; more where a point was never hit. */
  readonly kills: number;
  readonly note: (text: string) => void;
}

export interface CoordinatorKillsReport {
  /** Where each kill hit, as the disk showed afterwards. */
  readonly hits: readonly (readonly KillPoint[])[];
  readonly rounds: number;
  /** Hashes of the committed checkpoints, in order. */
  readonly checkpoints: readonly string[];
  readonly events: readonly StoredEvent[];
}

const agents = 3;
/** 8 parameters for each unit: an update of 512 KiB travels in several chunks. */
const hidden = 16_384;
const parameterCount = 8 * hidden + 3;
const updateBytes = 4 * parameterCount;
const extraKillsMax = 10;
const runSeed = 2017;

/** The task of both runs: rounds enough that each kill finds one to hit. */
function taskOptions(kills: number) {
  return {
    agents,
    hidden,
    rounds: kills + 4,
    epochs: 1,
    overrides: {
      evaluation: { federated: { everyRounds: 3, holdout: 0.2 } },
      // All agents are needed anyway: nobody else is worth waiting for.
      deadlines: { recruitGraceMs: 0 },
    },
  };
}

/** The same run with nothing killed: its checkpoints. */
export async function undisturbedCheckpoints(kills: number): Promise<readonly string[]> {
  const scope = createScope();
  try {
    const fleet = await startFleet(scope, taskOptions(kills));
    const runId = await fleet.operator.start(fleet.task, runSeed);
    const run = await fleet.operator.ended(runId, 120_000);
    if (run.state !== 'completed') throw new Error(`the undisturbed run is ${run.state}: ${run.reason}`);
    await fleet.coordinator.end('SIGTERM');
    return checkRunLog(await readRunLog(coordinatorFolder(fleet.folder), runId));
  } finally {
    await scope.close();
  }
}

export async function killCoordinator(options: CoordinatorKillsOptions): Promise<CoordinatorKillsReport> {
  const scope = createScope();
  try {
    const entropy = createSeededEntropy(options.seed);
    const port = await freePort();
    const task = taskOptions(options.kills);
    const link = await startSlowLink(scope, port);
    const addressOf = (index: number, address: string): string => (index === 0 ? link.address : address);
    const fleet = await startFleet(scope, { ...task, port, addressOf });
    const folder = coordinatorFolder(fleet.folder);
    const { operator } = fleet;
    const runId = await operator.start(fleet.task, runSeed);

    const aims = Array.from({ length: options.kills }, (_, index) => killPoints[index % killPoints.length]);
    shuffle(entropy, aims);
    const hits: (readonly KillPoint[])[] = [];
    let coordinator = fleet.coordinator;
    let events = 0;
    for (let kill = 1; kill <= options.kills + extraKillsMax; kill++) {
      const point = aims.shift() ?? killPoints.find((candidate) => !hits.flat().includes(candidate));
      if (point === undefined) break;
      // Over the loopback an upload is whole before anybody sees a part of it.
      link.slowDown(point === 'half-uploaded' ? 20 : 0);
      const reached = new AbortController();
      const aim = {
        point,
        operator,
        runId,
        afterSequence: events,
        folder,
        updateBytes,
        signal: reached.signal,
      };
      const found = await within(`the point "${point}"`, moment(aim), { timeoutMs: 60_000 });
      reached.abort();
      if (found === 'run-over') {
        options.note(`kill ${kill}: the run ended before it reached ${point}`);
        break;
      }
      // Every other kill comes a little later, wherever that hits.
      if (kill % 2 === 0) await new Promise((resolve) => setTimeout(resolve, 10 * uniform(entropy)));
      await coordinator.end('SIGKILL');
      const log = await readRunLog(folder, runId);
      checkRunLog(log);
      events = log.length;
      hits.push(await pointsOf(folder, log, updateBytes));
      options.note(`kill ${kill}: aimed at ${point}, hit ${hits.at(-1)?.join(' and ')}, ${events} events`);
      coordinator = await startCoordinatorProcess(scope, { folder, port });
    }

    const run = await operator.ended(runId, 120_000);
    if (run.state !== 'completed') throw new Error(`the run is ${run.state}: ${run.reason}`);
    await coordinator.end('SIGTERM');
    const log = await readRunLog(folder, runId);
    return { hits, rounds: task.rounds, checkpoints: checkRunLog(log), events: log };
  } finally {
    await scope.close();
  }
}
