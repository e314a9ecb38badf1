/** A whole run: from a scenario to its folder. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LineOf } from '@starling/coordinator/definitions';
import type { Clock } from '@starling/federation';
import { createSystemClock, processorCount } from '../adapters/index.js';
import type { PartitionFunction } from '../data/open.js';
import type { DeviceModel } from '../devices/index.js';
import { SimulationError } from '../errors.js';
import { keptVectorsOf } from '../execution/client.js';
import { startThreads, type Threads } from '../execution/pool.js';
import { taskOf } from '../protocol/task.js';
import type { QueueSettings } from '../queue/index.js';
import {
  createRunFolder,
  type RunFolder,
  type RunInfo,
  readRecords,
  scenarioText,
  sha256,
} from '../run-folder/index.js';
import { readScenario, type Scenario, type ScenarioInput } from '../scenario/index.js';
import { onnxruntimeVersion, version } from '../versions.js';
import { checkpointHash, type SimulationState } from './checkpoint.js';
import { type PreparedScenario, prepare } from './prepare.js';
import type { RoundRecord } from './record.js';
import {
  type CoordinatorPart,
  type SimulatedRound,
  type SimulationOptions,
  simulateRounds,
} from './simulation.js';

export interface SimulateOptions {
  /** Threads; as many as there are processors unless told. The result does not depend on it. */
  readonly workers?: number;
  /** Redis that hands the work to `starling-sim worker` processes, in place of threads. The result is the same. */
  readonly queue?: QueueSettings;
  /** Folder to write to; left out, nothing is written. */
  readonly output?: string;
  /** Who holds what, in place of the scenario's partition. */
  readonly partition?: PartitionFunction;
  /** In place of the scenario's strategy: its coordinator's part; devices do what the scenario's strategy says. */
  readonly algorithm?: CoordinatorPart;
  /** In place of the scenario's devices. */
  readonly deviceModel?: DeviceModel;
  /** In place of the scenario's own: `protocol` runs the real coordinator and agents in virtual time. */
  readonly mode?: 'fast' | 'protocol';
  /** Called after every round. */
  readonly onRound?: (record: RoundRecord) => void;
  /** Ends the run after the round that is being made. */
  readonly signal?: AbortSignal;
}

export interface SimulationResult {
  readonly records: readonly RoundRecord[];
  /** The last checkpoint, in manifest order. */
  readonly parameters: Float32Array;
  /** SHA-256 of it. */
  readonly checkpoint: string;
}

/**
 * Simulates a scenario, as an object with the keys that its YAML would have. Paths in it are taken from the working folder.
 * Throws a `SimulationError` that says what is wrong before any work starts.
 *
 * @example
 * const { records } = await simulate({
 *   name: 'first',
 *   data: 'mnist',
 *   partition: { kind: 'iid', clients: 100 },
 *   model: { builtin: 'mlp' },
 *   training: { batchSize: 10, learningRate: 0.1 },
 *   cohort: { size: 10 },
 *   stop: { rounds: 5 },
 * });
 */
export async function simulate(
  scenario: ScenarioInput | Scenario,
  options: SimulateOptions = {},
): Promise<SimulationResult> {
  const parsed = readScenario(scenario, process.cwd());
  return runScenario(parsed, options);
}

export interface RunOptions extends SimulateOptions {
  readonly lineOf?: LineOf;
  /** A run that goes on, in place of `output`. */
  readonly resumed?: { readonly folder: RunFolder; readonly state: SimulationState | undefined };
  readonly onPrepared?: (prepared: PreparedScenario) => void;
  /** Called when a round is done, before it is written, with its number: aborting here ends the run with it. */
  readonly beforeWriting?: (round: number) => void;
  readonly clock?: Clock;
}

/** The scenario as it is kept in the folder, where a run goes on as it began: keys in the order of the schema. */
function inMode(given: Scenario, mode: Scenario['mode']): Scenario {
  if (mode === undefined) return given;
  const { name, description, seed, mode: _, ...rest } = given;
  return { name, description, seed, mode, ...rest };
}

/** Longest time that a crash can cost. */
const saveEveryMs = 1000;

/** Everything that a run needs, or what it is refused for: no folder is made and nothing trains. */
export async function prepareRun(
  scenario: Scenario,
  { lineOf, partition, queue, workers = processorCount(), ...own }: RunOptions,
): Promise<PreparedScenario> {
  if (queue !== undefined) checkQueue(scenario);
  checkOwnParts(scenario, own);
  const prepared = await prepare(scenario, {
    ...(lineOf && { lineOf }),
    ...(partition && { partition }),
    // One agent trains at a time in the mode protocol, and none here where others work.
    workers: queue === undefined && scenario.mode !== 'protocol' ? workers : 1,
  });
  // What no coordinator does is refused before the run has a folder.
  if (scenario.mode === 'protocol') taskOf(prepared, lineOf ?? (() => undefined));
  return prepared;
}

export async function runScenario(given: Scenario, options: RunOptions): Promise<SimulationResult> {
  const scenario = inMode(given, options.mode);
  const workers = options.workers ?? processorCount();
  // Threads read their modules while this one reads the data.
  const threads =
    options.queue === undefined && scenario.mode !== 'protocol' ? startThreads(workers) : undefined;
  try {
    return await runInThreads(scenario, options, workers, threads);
  } finally {
    await threads?.close();
  }
}

async function runInThreads(
  scenario: Scenario,
  options: RunOptions,
  workers: number,
  threads: Threads | undefined,
): Promise<SimulationResult> {
  const { output, signal, resumed } = options;
  const clock = options.clock ?? createSystemClock();
  const prepared = await prepareRun(scenario, options);
  options.onPrepared?.(prepared);
  const info = infoOf(prepared);
  const folder =
    resumed?.folder ?? (output === undefined ? undefined : await createRunFolder(output, scenario, info));
  const keeps = keptVectorsOf(prepared.local) > 0;
  const scratch = keeps && folder === undefined ? await mkdtemp(join(tmpdir(), 'starling-sim-')) : undefined;
  if (scratch !== undefined) await writeFile(join(scratch, 'kept.bin'), '');
  const statePath = keeps ? (folder?.keptPath ?? join(scratch ?? '', 'kept.bin')) : undefined;
  const records: RoundRecord[] = [];
  let newest: Float32Array = prepared.initial;
  let savedAt = clock.monotonic();
  let startedAt = savedAt;
  try {
    const rounds = await roundsOf(prepared, options, {
      workers,
      threads,
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      ...(resumed?.state === undefined ? {} : { resume: resumed.state }),
      ...(statePath === undefined ? {} : { statePath }),
      ...(options.algorithm === undefined ? {} : { algorithm: options.algorithm }),
      ...(options.deviceModel === undefined ? {} : { deviceModel: options.deviceModel }),
    });
    for await (const round of rounds) {
      const now = clock.monotonic();
      options.beforeWriting?.(round.record.round);
      const ends = round.last || signal?.aborted === true;
      records.push(round.record);
      newest = newestOf(round);
      if (folder !== undefined) {
        await folder.append(round, (now - startedAt) / 1000);
        if (ends || round.record.round % scenario.checkpoints.everyRounds === 0) {
          await folder.saveCheckpoint(round.record.round, newest);
        }
        // A client's kept vectors go back one round and no further.
        if (ends || keeps || now - savedAt > saveEveryMs) {
          await folder.save(round.state);
          savedAt = clock.monotonic();
        }
      }
      options.onRound?.(round.record);
      startedAt = clock.monotonic();
      if (ends) {
        newest = newest.slice();
        if (folder !== undefined) await writeParquet(folder.path);
        await folder?.writeInfo({
          ...info,
          state: round.last ? 'ended' : 'running',
          rounds: round.record.round,
          checkpoint: checkpointHash(newest),
        });
        break;
      }
    }
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
  return { records, parameters: newest, checkpoint: checkpointHash(newest) };
}

/** The records once more, for tools that read columns; what a run that goes on left of it is replaced. */
async function writeParquet(folder: string): Promise<void> {
  const { parquetOf } = await import('../export/parquet.js');
  await writeFile(join(folder, 'metrics.parquet'), parquetOf(await readRecords(folder)));
}

/** What of the caller's own would have no part in the run. */
function checkOwnParts(
  { mode, devices }: Scenario,
  { algorithm, deviceModel }: Pick<RunOptions, 'algorithm' | 'deviceModel'>,
): void {
  if (mode === 'protocol' && (algorithm !== undefined || deviceModel !== undefined)) {
    throw new SimulationError(
      'simulation/usage',
      `In the mode protocol the real coordinator and agents do what the scenario says: ${algorithm === undefined ? 'deviceModel' : 'algorithm'} has no part in it.`,
      'Leave it out, or use the mode fast.',
    );
  }
  if (deviceModel !== undefined && devices === null) {
    throw new SimulationError(
      'simulation/usage',
      'A device model says how long devices take, but in this scenario they take no time.',
      'Write what comes of it to the scenario: devices: {} for the defaults.',
    );
  }
}

/** What cannot be handed to workers elsewhere. */
function checkQueue({ mode, attack }: Scenario): void {
  if (mode === 'protocol') {
    throw new SimulationError(
      'simulation/usage',
      'A run in the mode protocol is one process: Redis has no part in it.',
      'Leave --redis out, or run it with --mode fast.',
    );
  }
  if (attack?.kind === 'module') {
    throw new SimulationError(
      'simulation/usage',
      'An attack of your own is code, which the queue does not carry.',
      'Run it on one machine, without --redis.',
    );
  }
}

/** Protocol mode puts simulated disks beneath the file system calls of its process: it is loaded where it is asked for. */
async function roundsOf(
  prepared: PreparedScenario,
  { lineOf }: RunOptions,
  settings: SimulationOptions,
): Promise<AsyncGenerator<SimulatedRound, void>> {
  if ((prepared.scenario.mode ?? 'fast') === 'fast') return simulateRounds(prepared, settings);
  const { protocolRounds } = await import('../protocol/rounds.js');
  const { resume } = settings;
  return protocolRounds(prepared, { ...(lineOf && { lineOf }), ...(resume && { resume }) });
}

function newestOf({ state }: SimulatedRound): Float32Array {
  const newest = state.checkpoints.at(-1);
  if (newest === undefined) throw new RangeError('a round leaves a checkpoint');
  return newest.parameters;
}

function infoOf({ scenario, plan, clients }: PreparedScenario): RunInfo {
  return {
    format: 1,
    name: scenario.name,
    seed: scenario.seed,
    scenario: sha256(scenarioText(scenario)),
    versions: versions(),
    parameterCount: plan.manifest.parameterCount,
    clients,
    state: 'running',
    rounds: 0,
  };
}

/** Of what numbers depend on. */
function versions(): RunInfo['versions'] {
  return { starling: version, onnxruntime: onnxruntimeVersion(), node: process.version };
}
