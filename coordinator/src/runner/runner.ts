/** All runs of a coordinator: starts, drives, recovers and ends them. */
import { type AnalyticsQuery, float32Bytes, formatQuery, uint32 } from '@starling/federation';
import { analyticsSettings, analyticsTask, askedTask, queryTerms } from '../analytics/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId, RoundKey, RunId, TaskName } from '../ids.js';
import { type FailureReason, type RoundState, standingOf } from '../rounds/index.js';
import type { RunSettings, RunStarted } from '../runs/index.js';
import type { SecureSession } from '../secure-exchange/index.js';
import type { RunSummary } from '../storage/index.js';
import { createRunDriver, type RunDriver, type RunServices } from './driver.js';
import type { Offer } from './intake.js';
import { type AskedSignature, checkQuerySignature } from './plan-owner.js';
import type { PreparedTask } from './prepared-task.js';
import { createPruning } from './pruning.js';
import { findRound } from './rounds-in-memory.js';
import { readRun, summaryOf } from './run-actor.js';
import { newRunId, unknownRun } from './run-id.js';
import type { SteadyTime } from './steady-time.js';
import { hasWork, type Work, workOf } from './work.js';

export interface StartRun {
  readonly taskName: TaskName;
  readonly seed?: number;
  readonly rounds?: number;
}

export interface StartAnalytics {
  readonly taskName: TaskName;
  readonly query: AnalyticsQuery;
  /** What the answer may spend of the task's privacy budget. */
  readonly epsilon?: number;
  readonly signature: AskedSignature | undefined;
}

export interface Runner {
  start(request: StartRun): Promise<RunSummary>;
  /**
   * Asks a question about the examples of a task's devices: a run of one round. Throws `ANALYTICS_INVALID`,
   * `QUERY_UNSIGNED`, `QUERY_SIGNATURE_INVALID`, `TASK_VERSION_CONFLICT`.
   */
  startAnalytics(request: StartAnalytics): Promise<RunSummary>;
  stop(runId: RunId): Promise<RunSummary>;
  resume(runId: RunId, rounds?: number): Promise<RunSummary>;
  /** The work that a device has in a live round and has not finished. */
  workFor(deviceId: DeviceId, taskNames: readonly TaskName[]): Work | undefined;
  /** Somebody came who serves these tasks. */
  arrived(taskNames: readonly TaskName[]): void;
  /** The attempt that a message names, and its task. Throws `RUN_UNKNOWN`, `RUN_NOT_RUNNING`, `ROUND_UNKNOWN`, `ROUND_OVER`. */
  locate(key: RoundKey): Promise<{ readonly round: RoundState; readonly task: PreparedTask }>;
  /** Throws unless the device may contribute; false where its contribution is counted already. */
  mayContribute(key: RoundKey, deviceId: DeviceId): Promise<boolean>;
  /** Resolves when the contribution is durable; true where this very call made it count. */
  contribute(key: RoundKey, offer: Offer): Promise<boolean>;
  failDevice(key: RoundKey, deviceId: DeviceId, reason: FailureReason, message: string): Promise<void>;
  /** What is said in a securely aggregated attempt. Throws what `locate` throws, and `ROUND_NOT_SECURE`. */
  session(key: RoundKey): Promise<SecureSession>;
  /** Calls `wake` whenever something happened in the run, until the returned function is called. */
  onChange(runId: RunId, wake: () => void): () => void;
  runningCount(): number;
  /** The cohorts of all rounds in memory: known devices even where a crash came before they were stored as such. */
  knownDevices(): Iterable<DeviceId>;
  /** Goes on with every run that was running when the folder was last used. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

export interface RunnerOptions extends RunServices {
  readonly time: SteadyTime;
  /** Reads a version of a task; the newest where none is named. Throws `TASK_UNKNOWN`. */
  readonly prepareTask: (name: TaskName, version?: number) => Promise<PreparedTask>;
  /** Checkpoints of an ended run that are kept beside its first; `null` keeps all. */
  readonly checkpointsKept: number | null;
}

/** Ended runs that stay in memory, so that late messages of their devices are answered exactly. */
const endedRunsRemembered = 16;

export function createRunner(options: RunnerOptions): Runner {
  const { store, time } = options;
  const { now } = time;
  const drivers = new Map<RunId, RunDriver>();
  const isIdle = (): boolean => runner.runningCount() === 0;
  const pruning = createPruning({ ...options, isIdle });

  const adopt = async (runId: RunId): Promise<RunDriver> => {
    const recorded = await readRun(store, runId);
    const first = recorded.at(0)?.event;
    if (first?.kind !== 'run-started') throw new CoordinatorError(unknownRun(runId));
    time.notBefore(recorded.at(-1)?.event.atMs ?? 0);
    const task = analyticsTask(await options.prepareTask(first.taskName, first.taskVersion), first.settings);
    // While the log was read, somebody else may have adopted the same run: there is one driver a run.
    const known = drivers.get(runId);
    if (known !== undefined) return known;
    const driver = createRunDriver({ ...options, now, recorded, task, onEnded: pruning.begin });
    drivers.set(runId, driver);
    forgetOldest(drivers);
    return driver;
  };

  const driverOf = async (runId: RunId): Promise<RunDriver> => drivers.get(runId) ?? (await adopt(runId));

  const liveDriverOf = async (runId: RunId): Promise<RunDriver> => {
    const known = drivers.get(runId);
    if (known !== undefined) return known;
    // A run that nobody drives has ended: running ones are adopted at the start.
    const summary = await store.runs.find(runId);
    if (summary === undefined) throw new CoordinatorError(unknownRun(runId));
    throw new CoordinatorError(
      refusal(
        'failed-precondition',
        'RUN_NOT_RUNNING',
        `Run ${runId} is ${summary.state}.`,
        'Drop the work and check in for new work.',
      ),
    );
  };

  const begin = async (task: PreparedTask, settings: RunSettings, seed: number): Promise<RunSummary> => {
    await options.ledgers.check(task.name, settings.privacy);
    const runId = newRunId(task.name, options.entropy);
    const checkpoint = await options.artifacts.put('checkpoint', float32Bytes(task.initialParameters(seed)));
    const started: RunStarted = {
      kind: 'run-started',
      atMs: now(),
      runId,
      taskName: task.name,
      taskVersion: task.version,
      seed,
      settings,
      checkpoint,
    };
    const recorded = [{ sequence: 1, event: started }];
    const driver = createRunDriver({ ...options, now, recorded, task, onEnded: pruning.begin });
    await store.events.append(runId, 0, [started], summaryOf(driver.actor.state()));
    drivers.set(runId, driver);
    forgetOldest(drivers);
    options.log.info({ runId, task: task.name, seed }, 'run started');
    driver.poke();
    return summaryOf(driver.actor.state());
  };

  const runner: Runner = {
    async start({ taskName, seed = uint32(options.entropy), rounds }) {
      await pruning.settled();
      const task = await options.prepareTask(taskName);
      const settings = { ...task.runSettings, rounds: rounds ?? task.runSettings.rounds };
      return begin(task, settings, seed);
    },

    async startAnalytics({ taskName, query, epsilon, signature }) {
      await pruning.settled();
      const task = await options.prepareTask(taskName);
      const termsJson = queryTerms(askedTask(task), query, epsilon);
      const signed = checkQuerySignature(task, formatQuery(query), termsJson, signature);
      const settings = analyticsSettings(task, query, epsilon, signed);
      return begin(analyticsTask(task, settings), settings, uint32(options.entropy));
    },

    async stop(runId) {
      const driver = await driverOf(runId);
      const decision = await driver.actor.submit({ kind: 'stop', nowMs: now() });
      if (decision.kind === 'refused') throw new CoordinatorError(decision.refusal);
      return summaryOf(driver.actor.state());
    },

    async resume(runId, rounds) {
      await pruning.settled();
      const known = drivers.has(runId);
      const driver = await driverOf(runId);
      const command = rounds === undefined ? {} : { rounds };
      const decision = await driver.actor.submit({ kind: 'resume', nowMs: now(), ...command });
      if (decision.kind === 'refused') throw new CoordinatorError(decision.refusal);
      // Measurements that were due when the run ended are not under way in a coordinator that has started since.
      if (!known) await driver.recover();
      return summaryOf(driver.actor.state());
    },

    workFor(deviceId, taskNames) {
      for (const { actor, task } of drivers.values()) {
        const { kind, round, started } = actor.state();
        if (kind !== 'running' || round === null || !taskNames.includes(task.name)) continue;
        if (hasWork(round, deviceId)) return workOf(task, started.seed, round, deviceId);
      }
      return undefined;
    },

    arrived(taskNames) {
      for (const driver of drivers.values()) {
        if (taskNames.includes(driver.task.name)) driver.poke();
      }
    },

    async locate(key) {
      const driver = await liveDriverOf(key.runId);
      return { round: findRound(driver.actor, key), task: driver.task };
    },

    async mayContribute(key, deviceId) {
      const { round } = await runner.locate(key);
      const standing = standingOf(round, deviceId);
      if (standing.kind === 'may-contribute') return true;
      if (standing.kind === 'counted') return false;
      throw new CoordinatorError(standing.refusal);
    },

    async contribute(key, offer) {
      const driver = await liveDriverOf(key.runId);
      findRound(driver.actor, key);
      return driver.intake(key).offer(offer);
    },

    async failDevice(key, deviceId, reason, message) {
      const driver = await liveDriverOf(key.runId);
      await driver.failDevice(key, deviceId, reason, message);
    },

    async session(key) {
      const driver = await liveDriverOf(key.runId);
      findRound(driver.actor, key);
      return driver.session(key);
    },

    onChange: (runId, wake) => options.notices.subscribe(runId, wake),

    runningCount() {
      return [...drivers.values()].filter(({ actor }) => actor.state().kind === 'running').length;
    },

    *knownDevices() {
      for (const { actor } of drivers.values()) {
        for (const round of actor.rounds()) if ('cohort' in round) yield* round.cohort;
      }
    },

    async recover() {
      for (const summary of await store.runs.list()) {
        if (summary.state === 'running') await adopt(summary.runId);
      }
      const live = [...drivers.values()].flatMap((driver) => driver.liveRound() ?? []);
      await options.spool.keepOnly(
        live.map((round) => ({
          key: round.started.key,
          counted: 'counted' in round ? round.counted : new Set<DeviceId>(),
        })),
      );
      await store.messages.keepOnly(live.map((round) => round.started.key));
      await options.sums.keepOnly(
        live.flatMap((round) => ('partialSum' in round ? (round.partialSum ?? []) : [])),
      );
      for (const driver of drivers.values()) await driver.recover();
      pruning.begin();
      await pruning.settled();
    },

    async close() {
      for (const driver of drivers.values()) await driver.close();
      await pruning.settled();
    },
  };
  return runner;
}

function forgetOldest(drivers: Map<RunId, RunDriver>): void {
  const ended = [...drivers].filter(([, { actor }]) => actor.state().kind !== 'running');
  for (const [runId] of ended.slice(0, Math.max(0, ended.length - endedRunsRemembered))) {
    drivers.delete(runId);
  }
}
