/** Rounds, one after the other. */
import {
  type AlgorithmState,
  algorithmOf,
  createSeededEntropy,
  type FederatedAlgorithm,
  isAsynchronous,
} from '@starling/federation';
import type { DeviceModel, ScheduledRound } from '../devices/index.js';
import { SimulationError } from '../errors.js';
import { devicePartOf } from '../execution/client.js';
import { shareRound, shareSums } from '../execution/memory.js';
import { startThreads, type Threads, type WorkerPool } from '../execution/pool.js';
import type { SharedRound } from '../execution/setting.js';
import type { QueueSettings } from '../queue/index.js';
import { aggregate } from './aggregate.js';
import type { SimulationState } from './checkpoint.js';
import { evaluatedClients, measureClients, measureTest } from './measure.js';
import { attackersOf, scheduleFor } from './plan-rounds.js';
import type { PreparedScenario } from './prepare.js';
import type { RoundRecord } from './record.js';
import { epsilonAfter, reachedTarget, trainingMetrics } from './round-metrics.js';
import { SlotVersions } from './slot-versions.js';

export interface SimulationOptions {
  readonly workers: number;
  /** As many threads, started beforehand. */
  readonly threads?: Threads | undefined;
  /** Worker processes by way of Redis, in place of threads. */
  readonly queue?: QueueSettings;
  /** Goes on after this state. */
  readonly resume?: SimulationState;
  /** An empty or kept file for what clients keep between rounds; wanted where `keptVectorsOf` is not 0. */
  readonly statePath?: string;
  /** In place of that of the scenario's strategy. */
  readonly algorithm?: CoordinatorPart;
  readonly deviceModel?: DeviceModel;
}

/** What a strategy does with a round's sums; devices do what the scenario's strategy says. */
export type CoordinatorPart = Pick<FederatedAlgorithm, 'kind' | 'initialize' | 'apply'>;

/** One committed round, and what it left behind. */
export interface SimulatedRound {
  readonly record: RoundRecord;
  /** Valid until the next round. */
  readonly state: SimulationState;
  /** Clients whose updates are in it. */
  readonly participants: readonly number[];
  readonly clientMetric:
    | { readonly clients: readonly number[]; readonly values: readonly number[] }
    | undefined;
  /** Whether the scenario's stop rule is met. */
  readonly last: boolean;
}

/**
 * Simulates the rounds of a scenario. The same scenario gives the same records and checkpoints bit for bit, whatever the
 * number of workers, and however often it was resumed. Ends with the stop rule; leaving the loop early ends the workers.
 */
export async function* simulateRounds(
  prepared: PreparedScenario,
  options: SimulationOptions,
): AsyncGenerator<SimulatedRound, void> {
  const { scenario, plan, cohort, local } = prepared;
  const { parameterCount } = plan.manifest;
  const asynchronous =
    scenario.strategy.kind !== 'local-only' && isAsynchronous(algorithmDefinition(prepared));
  const slots = asynchronous ? (scenario.devices?.concurrency ?? 0) + 2 : 1;
  const jobs = Math.max(cohort, evaluatedClients(prepared).length);
  const keepsUpdates = 'aggregation' in scenario.strategy && scenario.strategy.aggregation !== undefined;
  const shape = {
    manifest: plan.manifest,
    local,
    keepsUpdates,
    testCount: prepared.test?.count ?? 0,
    slots,
    jobs,
  };
  const shared = shareRound(shape);
  const setting = {
    plan,
    personalPlan: prepared.personalPlan,
    fleet: prepared.fleet,
    test: prepared.test,
    local,
    shared,
    statePath: options.statePath,
  };
  const { queue } = options;
  const pool =
    queue === undefined
      ? await (options.threads ?? startThreads(options.workers)).begin(
          setting,
          Array.from({ length: options.workers }, () => shareSums(shape)),
        )
      : await (await queueParts()).startQueuePool(setting, shareSums(shape), { keepsUpdates, slots }, queue);
  try {
    const algorithm = options.algorithm ?? algorithmFor(prepared);
    const resumed = options.resume;
    let state: AlgorithmState =
      resumed === undefined
        ? algorithm.initialize(parameterCount)
        : { round: resumed.rounds - 1, vectors: resumed.vectors };
    const versions = new SlotVersions(shared, slots, parameterCount);
    for (const { version, parameters } of resumed?.checkpoints ?? [
      { version: 0, parameters: prepared.initial },
    ]) {
      versions.put(version, parameters);
    }
    const schedule = scheduleFor(prepared, asynchronous, options.deviceModel);
    const hostile = attackersOf(prepared);
    for (const scheduled of schedule) {
      if (scheduled.round < (resumed?.rounds ?? 0)) continue;
      const done = await simulateRound(
        prepared,
        algorithm,
        pool,
        shared,
        versions,
        state,
        scheduled,
        hostile,
      );
      state = done.state;
      yield done.round;
      if (done.round.last) return;
    }
  } finally {
    await pool.close();
  }
}

/** What speaks to Redis takes longer to load than everything else, and few runs need it. */
const queueParts = () => import('../queue/index.js');

const algorithmDefinition = ({ local }: PreparedScenario) =>
  local.algorithm.kind === 'local-only'
    ? ({ kind: 'fedavg', weighting: 'by-examples', serverLearningRate: 1 } as const)
    : local.algorithm;

const algorithmFor = (prepared: PreparedScenario): FederatedAlgorithm =>
  algorithmOf(algorithmDefinition(prepared));

async function simulateRound(
  prepared: PreparedScenario,
  algorithm: CoordinatorPart,
  pool: WorkerPool,
  shared: SharedRound,
  versions: SlotVersions,
  before: AlgorithmState,
  scheduled: ScheduledRound,
  hostile: (client: number) => boolean,
): Promise<{ readonly round: SimulatedRound; readonly state: AlgorithmState }> {
  const { scenario, plan, local } = prepared;
  const { training, stop, devices, privacy } = scenario;
  const { parameterCount } = plan.manifest;
  const { round, updates } = scheduled;
  const learningRate = training.learningRate * training.learningRateDecay ** round;
  const rotationSeed = createSeededEntropy(scenario.seed).fork(`rotation ${round}`).bytes(32);
  for (const [job, { client, version, epochs }] of updates.entries()) {
    shared.clients[job] = client;
    shared.slots[job] = versions.slotOf(version);
    shared.staleness[job] = round - version;
    shared.epochs[job] = epochs;
    shared.hostile[job] = hostile(client) ? 1 : 0;
  }
  for (const [at, vector] of before.vectors
    .slice(0, devicePartOf(local.algorithm).broadcastVectors)
    .entries()) {
    shared.broadcast.set(vector, at * parameterCount);
  }
  const jobs = updates.length;
  let state = before;
  let sums: Awaited<ReturnType<typeof aggregate>> | undefined;
  const current = versions.parameters(round);
  let next: Float32Array = current.slice();
  if (jobs > 0) {
    const { magnitudeBound } = await pool.run({
      kind: 'train',
      round,
      jobs,
      learningRate,
      slotVersions: versions.bySlot,
      currentSlot: versions.slotOf(round),
      rotationSeed,
      speaker: updates.find(({ client }) => hostile(client))?.client ?? 0,
    });
    sums = await aggregate(prepared, pool, shared, jobs, magnitudeBound, { round, rotationSeed });
    const step = algorithm.apply(before, next, sums.sums, round);
    if (step.checkpoint.length !== parameterCount) {
      throw new SimulationError(
        'simulation/plug-in',
        `${algorithm.kind} gave a checkpoint of ${step.checkpoint.length} parameters; the model has ${parameterCount}.`,
        'Give one number for each parameter, in the order in which they came.',
      );
    }
    state = step.state;
    next = step.checkpoint;
  }
  const trained = trainingMetrics(prepared, shared, jobs);
  const last = round + 1 >= stop.rounds;
  versions.forget(Math.min(scheduled.oldestLive, round + 1));
  versions.put(round + 1, next);
  const measured = { slot: versions.slotOf(round + 1), version: round + 1, round, learningRate };
  const due = (every: number): boolean => last || (round + 1) % every === 0;
  const test = due(scenario.evaluation.everyRounds)
    ? await measureTest(prepared, pool, shared, measured, 'test')
    : undefined;
  const triggered =
    test !== undefined && scenario.attack?.kind === 'backdoor'
      ? await measureTest(prepared, pool, shared, measured, 'backdoor')
      : undefined;
  const reached = reachedTarget(stop.target, test ?? {});
  const clientMetric =
    scenario.evaluation.clients !== null && (reached || due(scenario.evaluation.clients.everyRounds))
      ? await measureClients(prepared, pool, shared, measured)
      : undefined;
  const record: RoundRecord = {
    round: round + 1,
    updates: jobs,
    selected: scheduled.selected,
    lost: scheduled.lost,
    ...trained,
    ...(test === undefined ? {} : { test }),
    ...(clientMetric === undefined ? {} : { clients: clientMetric.distribution }),
    ...(triggered === undefined ? {} : { backdoor: triggered.accuracy }),
    downloadBytes: scheduled.downloadBytes,
    uploadBytes: scheduled.uploadBytes,
    ...(devices === null ? {} : { virtualSeconds: scheduled.seconds }),
    ...(updates.some(({ version }) => version !== round)
      ? { staleness: updates.reduce((sum, { version }) => sum + round - version, 0) / jobs }
      : {}),
    ...(privacy === null || privacy.noiseMultiplier === 0
      ? {}
      : { epsilon: epsilonAfter(prepared, round + 1) }),
    ...(sums?.clipRate === undefined ? {} : { clipRate: sums.clipRate }),
    exact: sums?.exact ?? true,
  };
  return {
    state,
    round: {
      record,
      state: { rounds: round + 1, checkpoints: versions.all(), vectors: state.vectors },
      participants: updates.map(({ client }) => client),
      clientMetric,
      last: last || reached,
    },
  };
}
