import { exportModel, featureContractKey } from '@starling/engine';
import { float32FromBytes } from '@starling/federation';
import type { Handlers, OperationsService } from '@starling/proto';
import type { ArtifactStore } from '../artifacts/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import { loadPlan } from '../evaluation/index.js';
import type { ArtifactRef, RunId } from '../ids.js';
import { formatOrigin, originKey } from '../releases/index.js';
import { type RunNotices, type Runner, readRun, type TaskCatalog, watchRun } from '../runner/index.js';
import type { RunSummary, Store } from '../storage/index.js';
import { queryOf } from './analytics.js';
import { streamToWire, toWire } from './errors.js';
import { invalid, runIdOf, taskNameOf } from './parse.js';
import { ledgerMessage } from './privacy-ledger.js';
import { createEventMessages, runMessage, taskMessage } from './run-to-wire.js';
import { artifactReference } from './to-wire.js';

export interface CoordinatorStatus {
  readonly version: string;
  readonly devicesSeen: number;
  readonly checkInsHeld: number;
  readonly memoryBytes: number;
  readonly uptimeMs: number;
}

export interface OperationsHandlersOptions {
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly runner: Runner;
  readonly tasks: TaskCatalog;
  readonly notices: RunNotices;
  readonly status: () => CoordinatorStatus;
}

/** The newest runs: what fits a message. */
const runsListedMax = 1000;
const roundsMax = 1_000_000;

export function operationsHandlers(options: OperationsHandlersOptions): Handlers<typeof OperationsService> {
  const { store, artifacts, runner, tasks, notices } = options;

  const findRun = async (runId: RunId): Promise<RunSummary> => {
    const run = await store.runs.find(runId);
    if (run !== undefined) return run;
    throw new CoordinatorError(
      refusal('not-found', 'RUN_UNKNOWN', `There is no run ${runId}.`, 'List the runs to see their ids.'),
    );
  };

  return {
    applyTask: (request) =>
      toWire(async () => {
        const { task, changed } = await tasks.apply(request.definitionJson, request.signature);
        return { task: taskMessage(task), changed };
      }),

    listTasks: () => toWire(async () => ({ tasks: (await tasks.list()).map(taskMessage) })),

    getTask: (request) =>
      toWire(async () => ({ task: taskMessage(await tasks.get(taskNameOf(request.name))) })),

    startRun: ({ taskName, seed, rounds }) =>
      toWire(async () => {
        const start = {
          taskName: taskNameOf(taskName),
          ...(seed === undefined ? {} : { seed }),
          ...(rounds === undefined ? {} : { rounds: roundsOf(rounds) }),
        };
        return { run: runMessage(await runner.start(start)) };
      }),

    startAnalytics: ({ taskName, queryJson, epsilon, signature }) =>
      toWire(async () => {
        const start = {
          taskName: taskNameOf(taskName),
          query: queryOf(queryJson),
          signature,
          ...(epsilon === undefined ? {} : { epsilon }),
        };
        return { run: runMessage(await runner.startAnalytics(start)) };
      }),

    listRuns: ({ taskName }) =>
      toWire(async () => {
        const runs = await store.runs.list(taskName === '' ? undefined : taskNameOf(taskName));
        return { runs: runs.slice(0, runsListedMax).map(runMessage) };
      }),

    getRun: (request) => toWire(async () => ({ run: runMessage(await findRun(runIdOf(request.runId))) })),

    watchRun: (request, context) =>
      streamToWire(async function* () {
        const { runId } = await findRun(runIdOf(request.runId));
        const messageOf = createEventMessages();
        // From the start, so that counts are right wherever the watcher begins.
        for await (const recorded of watchRun(store, notices, runId, 0, context.signal)) {
          const event = messageOf(recorded);
          if (event !== undefined && event.sequence > request.afterSequence) yield { event };
        }
      }, context),

    stopRun: (request) =>
      toWire(async () => {
        const { runId } = await findRun(runIdOf(request.runId));
        return { run: runMessage(await runner.stop(runId)) };
      }),

    resumeRun: (request) =>
      toWire(async () => {
        const { runId } = await findRun(runIdOf(request.runId));
        const rounds = request.rounds === undefined ? undefined : roundsOf(request.rounds);
        return { run: runMessage(await runner.resume(runId, rounds)) };
      }),

    exportModel: (request) =>
      toWire(async () => {
        const run = await findRun(runIdOf(request.runId));
        const round = request.round === 0 ? run.roundsCommitted : request.round;
        const checkpoint = request.round === 0 ? run.checkpoint : await checkpointOf(store, run, round);
        const task = await tasks.prepare(run.taskName, run.taskVersion);
        const plan = await loadPlan(artifacts, task.planManifest);
        const parameters = float32FromBytes(await artifacts.load(checkpoint.sha256), task.parameterCount);
        const origin = formatOrigin({
          task: { name: task.name, version: task.version },
          run: { id: run.runId, round, checkpointSha256: checkpoint.sha256 },
          planSha256: task.planManifest.sha256,
        });
        const model = await artifacts.put(
          'model',
          exportModel(plan, parameters, {
            [featureContractKey]: task.featureContractJson,
            [originKey]: origin,
          }),
        );
        return { model: artifactReference(model), round };
      }),

    getPrivacyLedger: (request) =>
      toWire(async () => {
        const { name } = await tasks.get(taskNameOf(request.taskName));
        return ledgerMessage(name, await store.ledgers.read(name));
      }),

    getStatus: () => toWire(async () => ({ ...options.status(), runsRunning: runner.runningCount() })),
  };
}

async function checkpointOf(store: Store, run: RunSummary, round: number): Promise<ArtifactRef> {
  for (const { event } of await readRun(store, run.runId)) {
    if (event.kind === 'round-committed' && event.key.round === round) return event.checkpoint;
  }
  throw new CoordinatorError(
    refusal(
      'not-found',
      'CHECKPOINT_UNKNOWN',
      `Run ${run.runId} has ${run.roundsCommitted} committed rounds, none of them is round ${round}.`,
      'Name a committed round, or none for the newest.',
    ),
  );
}

function roundsOf(rounds: number): number {
  if (rounds >= 1 && rounds <= roundsMax) return rounds;
  throw invalid('ROUNDS_INVALID', `${rounds} rounds are not possible.`, `Choose 1 to ${roundsMax}.`);
}
