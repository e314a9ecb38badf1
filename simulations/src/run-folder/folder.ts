/**
 * What a run leaves behind:
 *
 *     scenario.json         the scenario in its canonical form
 *     run.json              versions, seed, how it ended
 *     metrics.jsonl         one record a round, which the seed decides
 *     metrics.parquet       the same, once the run ended or was stopped
 *     timings.jsonl         seconds a round, which the machine decides
 *     clients.jsonl         each evaluated client's metric
 *     participation.u32     how often each client took part
 *     checkpoints/          round-N.f32, little-endian, manifest order
 *     state/                what --resume goes on from
 */
import { createHash } from 'node:crypto';
import { appendFile, open, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../adapters/index.js';
import { SimulationError } from '../errors.js';
import { readScenario, type Scenario } from '../scenario/index.js';
import type { SimulationState } from '../simulation/checkpoint.js';
import type { RoundRecord } from '../simulation/record.js';
import type { SimulatedRound } from '../simulation/simulation.js';

export interface RunInfo {
  readonly format: 1;
  readonly name: string;
  readonly seed: number;
  /** SHA-256 of scenario.json. */
  readonly scenario: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly parameterCount: number;
  readonly clients: number;
  readonly state: 'running' | 'ended';
  readonly rounds: number;
  /** SHA-256 of the last checkpoint. */
  readonly checkpoint?: string;
}

const names = {
  scenario: 'scenario.json',
  info: 'run.json',
  metrics: 'metrics.jsonl',
  timings: 'timings.jsonl',
  clients: 'clients.jsonl',
  participation: 'participation.u32',
  checkpoints: 'checkpoints',
  state: 'state',
} as const;

/** A folder that a run writes to. */
export interface RunFolder {
  readonly path: string;
  /** File for what clients keep between rounds. */
  readonly keptPath: string;
  append(round: SimulatedRound, seconds: number): Promise<void>;
  /** Makes everything so far what `--resume` goes on from. */
  save(state: SimulationState): Promise<void>;
  saveCheckpoint(round: number, parameters: Float32Array): Promise<void>;
  writeInfo(info: RunInfo): Promise<void>;
}

export const scenarioText = (scenario: Scenario): string => `${JSON.stringify(scenario, undefined, 2)}\n`;
export const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Makes a new folder. Throws a `SimulationError` `simulation/run-folder` where there is a run already. */
export async function createRunFolder(path: string, scenario: Scenario, info: RunInfo): Promise<RunFolder> {
  if (await exists(join(path, names.info))) {
    throw new SimulationError(
      'simulation/run-folder',
      `${path} holds a run already.`,
      'Go on with it by --resume, or choose another folder by --output.',
    );
  }
  try {
    await makeFolder(join(path, names.checkpoints));
    await makeFolder(join(path, names.state));
    await writeFile(join(path, names.scenario), scenarioText(scenario));
  } catch (error) {
    throw new SimulationError(
      'simulation/run-folder',
      `${path} cannot be written: ${error instanceof Error ? error.message : String(error)}.`,
      'Choose another folder by --output.',
      { cause: error },
    );
  }
  for (const name of [names.metrics, names.timings, names.clients]) await writeFile(join(path, name), '');
  await writeFile(join(path, names.state, 'kept.bin'), '');
  const folder = openFolder(path, new Uint32Array(info.clients));
  await folder.writeInfo(info);
  return folder;
}

/** A run that stopped: its folder, cut back to the last saved state, and that state. */
export async function resumeRunFolder(path: string): Promise<{
  readonly folder: RunFolder;
  readonly scenario: Scenario;
  readonly state: SimulationState | undefined;
}> {
  const scenario = await readRunScenario(path);
  const info = await readRunInfo(path);
  const saved = await readState(path, info);
  const sizes = saved?.sizes ?? {};
  for (const name of [names.metrics, names.timings, names.clients]) {
    await truncate(join(path, name), sizes[name] ?? 0);
  }
  const participation = saved?.participation ?? new Uint32Array(info.clients);
  return { folder: openFolder(path, participation), scenario, state: saved?.state };
}

function openFolder(path: string, participation: Uint32Array): RunFolder {
  const at = (name: string): string => join(path, name);
  return {
    path,
    keptPath: join(path, names.state, 'kept.bin'),
    async append({ record, participants, clientMetric }, seconds) {
      await appendFile(at(names.metrics), `${JSON.stringify(record)}\n`);
      await appendFile(at(names.timings), `${JSON.stringify({ round: record.round, seconds })}\n`);
      for (const client of participants) participation[client] += 1;
      if (clientMetric !== undefined) {
        await appendFile(at(names.clients), `${JSON.stringify({ round: record.round, ...clientMetric })}\n`);
      }
    },
    async save(state) {
      const sizes: Record<string, number> = {};
      for (const name of [names.metrics, names.timings, names.clients]) {
        sizes[name] = (await stat(at(name))).size;
      }
      const header = {
        rounds: state.rounds,
        versions: state.checkpoints.map(({ version }) => version),
        vectors: state.vectors.length,
        sizes,
      };
      const json = JSON.stringify(header);
      const text = Buffer.from(json.padEnd(Math.ceil(json.length / 4) * 4));
      const parts = [
        Buffer.from(Uint32Array.of(text.length).buffer),
        text,
        ...state.checkpoints.map(({ parameters }) => bytesOf(parameters)),
        ...state.vectors.map(bytesOf),
        bytesOf(participation),
      ];
      const hash = createHash('sha256');
      for (const part of parts) hash.update(part);
      await writeAtomically(join(path, names.state, 'state.bin'), [hash.digest(), ...parts]);
      await writeAtomically(at(names.participation), [bytesOf(participation)]);
    },
    async saveCheckpoint(round, parameters) {
      await writeAtomically(join(path, names.checkpoints, `round-${round}.f32`), [bytesOf(parameters)]);
    },
    async writeInfo(info) {
      await writeAtomically(at(names.info), [Buffer.from(`${JSON.stringify(info, undefined, 2)}\n`)]);
    },
  };
}

interface SavedState {
  readonly state: SimulationState;
  readonly participation: Uint32Array;
  readonly sizes: Readonly<Record<string, number>>;
}

async function readState(
  path: string,
  { parameterCount, clients }: RunInfo,
): Promise<SavedState | undefined> {
  const file = join(path, names.state, 'state.bin');
  if (!(await exists(file))) return undefined;
  const bytes = await readFile(file);
  const body = bytes.subarray(32);
  const damaged = (): SimulationError =>
    new SimulationError('simulation/run-folder', `${file} is damaged.`, 'Run the scenario anew.');
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(0, 32))) throw damaged();
  const textLength = body.readUInt32LE(0);
  const header = JSON.parse(body.subarray(4, 4 + textLength).toString()) as {
    readonly rounds: number;
    readonly versions: readonly number[];
    readonly vectors: number;
    readonly sizes: Readonly<Record<string, number>>;
  };
  let offset = 4 + textLength;
  const take = (length: number): ArrayBuffer => {
    const part = new Uint8Array(4 * length);
    part.set(body.subarray(offset, offset + 4 * length));
    offset += 4 * length;
    return part.buffer;
  };
  const checkpoints = header.versions.map((version) => ({
    version,
    parameters: new Float32Array(take(parameterCount)),
  }));
  const vectors = Array.from({ length: header.vectors }, () => new Float32Array(take(parameterCount)));
  const participation = new Uint32Array(take(clients));
  if (offset !== body.length) throw damaged();
  return { state: { rounds: header.rounds, checkpoints, vectors }, participation, sizes: header.sizes };
}

const bytesOf = (array: Float32Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The file holds all of `parts` or what it held before, whenever the process ends. */
async function writeAtomically(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const draft = `${path}.draft`;
  const file = await open(draft, 'w');
  try {
    // Shared memory cannot be written from: a copy can.
    for (const part of parts)
      await file.write(part.buffer instanceof SharedArrayBuffer ? part.slice() : part);
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}

async function readText(path: string, name: string): Promise<string> {
  try {
    return await readFile(join(path, name), 'utf8');
  } catch (error) {
    throw new SimulationError(
      'simulation/run-folder',
      `${path} is not a run's folder: ${name} cannot be read.`,
      'Name the folder that "starling-sim run --output" wrote.',
      { cause: error },
    );
  }
}

export async function readRunInfo(path: string): Promise<RunInfo> {
  return JSON.parse(await readText(path, names.info)) as RunInfo;
}

export async function readRunScenario(path: string): Promise<Scenario> {
  return readScenario(JSON.parse(await readText(path, names.scenario)), path);
}

export async function readRecords(path: string): Promise<readonly RoundRecord[]> {
  return linesOf<RoundRecord>(await readText(path, names.metrics));
}

export interface ClientRow {
  readonly round: number;
  readonly clients: readonly number[];
  readonly values: readonly number[];
}

export async function readClientRows(path: string): Promise<readonly ClientRow[]> {
  return linesOf<ClientRow>(await readText(path, names.clients));
}

export async function readTimings(path: string): Promise<readonly { round: number; seconds: number }[]> {
  return linesOf(await readText(path, names.timings));
}

/** How often each client took part. */
export async function readParticipation(path: string): Promise<Uint32Array> {
  const bytes = await readFile(join(path, names.participation));
  return new Uint32Array(new Uint8Array(bytes).buffer);
}

/** A run that was cut short may have ended within a line. */
const linesOf = <T>(text: string): T[] =>
  text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
