/** What a worker process has of the run it works for: the plan, the data and threads, fetched and started once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan, PlanManifest } from '@starling/engine';
import type { Redis } from 'ioredis';
import type { SharedExamples } from '../data/examples.js';
import type { Fleet } from '../data/fleet.js';
import { SimulationError } from '../errors.js';
import { keptVectorsOf } from '../execution/client.js';
import { KeptVectors } from '../execution/kept-vectors.js';
import { shareRound, shareSums } from '../execution/memory.js';
import { startPool, type WorkerPool } from '../execution/pool.js';
import { type LocalSettings, resultWidth, type SharedRound } from '../execution/setting.js';
import { type ContentReference, getContent } from './content.js';
import type { QueuePoolOptions } from './director.js';
import { readKept, writeKept } from './kept-block.js';
import { unpack } from './pack.js';
import {
  type Chunk,
  type ChunkResult,
  chunkMax,
  type EvaluateChunk,
  type KeptBlock,
  keepersOf,
  type Session,
  type TrainChunk,
} from './work.js';

export interface OpenSession {
  readonly id: string;
  run(chunk: Chunk): Promise<ChunkResult>;
  close(): Promise<void>;
}

interface PackedPlan {
  readonly manifest: Plan['manifest'];
  readonly files: readonly (readonly [string, Uint8Array])[];
}

/** Everything of a run that does not change: fetched once, and its threads started. */
export async function openSession(redis: Redis, session: Session, workers: number): Promise<OpenSession> {
  const fetch = async (content: ContentReference, what: string, isShared = false): Promise<unknown> =>
    unpack(await getContent(redis, content, what), isShared);
  const setting = (await fetch(session.setting, 'setting')) as QueuePoolOptions & {
    readonly local: LocalSettings;
    readonly jobs: number;
  };
  const plans = (await fetch(session.plan, 'plan')) as {
    readonly plan: PackedPlan;
    readonly personalPlan?: PackedPlan;
  };
  const { fleet, test } = (await fetch(session.data, 'data set', true)) as {
    readonly fleet: Fleet;
    readonly test?: SharedExamples;
  };
  const { local, keepsUpdates } = setting;
  if (local.attack?.kind === 'module') {
    throw new SimulationError('simulation/queue', 'The queue asks to load code, which workers do not.', '');
  }
  const plan = { manifest: plans.plan.manifest, files: new Map(plans.plan.files) };
  const personalPlan = plans.personalPlan && {
    manifest: plans.personalPlan.manifest,
    files: new Map(plans.personalPlan.files),
  };
  const { manifest } = plan;
  const jobs = Math.min(setting.jobs, chunkMax);
  const shape = { manifest, local, keepsUpdates, jobs, testCount: test?.count ?? 0 };
  const shared = shareRound({ ...shape, slots: Math.min(setting.slots, jobs + 1) });
  const folder = keptVectorsOf(local) > 0 ? await mkdtemp(join(tmpdir(), 'starling-sim-worker-')) : undefined;
  const statePath = folder === undefined ? undefined : join(folder, 'kept.bin');
  if (statePath !== undefined) await writeFile(statePath, '');
  const kept =
    statePath === undefined
      ? undefined
      : new KeptVectors(statePath, keptVectorsOf(local), manifest.parameterCount);
  const pool = await startPool(
    { plan, personalPlan, fleet, test, local, shared, statePath },
    Array.from({ length: workers }, () => shareSums(shape)),
  );
  const inSlots: string[] = [];
  /** Puts each checkpoint into a slot of its own; those that lie there already are not fetched again. */
  const fillSlots = async (contents: readonly ContentReference[]): Promise<void> => {
    for (const [slot, content] of contents.entries()) {
      if (inSlots[slot] === content.hash) continue;
      const { parameters } = (await fetch(content, 'checkpoint')) as { readonly parameters: Float32Array };
      shared.checkpoints.set(parameters, slot * manifest.parameterCount);
      inSlots[slot] = content.hash;
    }
  };
  const fetchKept = async ({ kept: content }: Chunk): Promise<KeptBlock | undefined> =>
    content === null ? undefined : ((await fetch(content, "clients' kept vectors")) as KeptBlock);
  return {
    id: session.id,
    async run(chunk) {
      const before = await fetchKept(chunk);
      if (chunk.kind === 'evaluate') {
        if (kept !== undefined && before !== undefined) writeKept(kept, chunk.clients, before, chunk.round);
        await fillSlots([chunk.checkpoint]);
        return evaluateChunk(chunk, pool, shared, manifest);
      }
      const keepers = keepersOf(chunk, local);
      if (kept !== undefined && before !== undefined) writeKept(kept, keepers, before, chunk.round - 1);
      if (chunk.broadcast !== null) {
        const { vectors } = (await fetch(chunk.broadcast, 'broadcast vectors')) as {
          readonly vectors: Float32Array;
        };
        shared.broadcast.set(vectors);
      }
      await fillSlots(chunk.checkpoints.map(({ content }) => content));
      const result = await trainChunk(chunk, pool, shared, manifest, keepsUpdates);
      const after = kept === undefined ? null : readKept(kept, keepers, chunk.round + 1);
      return { ...result, kept: after };
    },
    async close() {
      await pool.close();
      kept?.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function trainChunk(
  chunk: TrainChunk,
  pool: WorkerPool,
  shared: SharedRound,
  { parameterCount, metrics }: PlanManifest,
  keepsUpdates: boolean,
): Promise<Omit<ChunkResult, 'kept'>> {
  const jobs = chunk.clients.length;
  const slotVersions = chunk.checkpoints.map(({ version }) => version);
  shared.clients.set(chunk.clients);
  shared.slots.set(chunk.versions.map((version) => slotVersions.indexOf(version)));
  shared.staleness.set(chunk.staleness);
  shared.epochs.set(chunk.epochs);
  shared.hostile.set(chunk.hostile);
  const { round, learningRate, speaker } = chunk;
  const { magnitudeBound } = await pool.run({
    kind: 'train',
    round,
    jobs,
    learningRate,
    slotVersions,
    currentSlot: slotVersions.indexOf(chunk.current),
    rotationSeed: new Uint8Array(Buffer.from(chunk.rotationSeed, 'hex')),
    speaker,
  });
  const [first, ...others] = pool.sums;
  const total = <T extends Float64Array | Uint32Array>(into: T, parts: readonly T[]): T => {
    const sum = into.slice() as T;
    for (const part of parts) for (let i = 0; i < sum.length; i += 1) sum[i] += part[i];
    return sum;
  };
  return {
    magnitudeBound,
    deltas: total(
      first.deltas,
      others.map(({ deltas }) => deltas),
    ),
    extras: total(
      first.extras,
      others.map(({ extras }) => extras),
    ),
    masked: total(
      first.masked,
      others.map(({ masked }) => masked),
    ),
    results: shared.results.slice(0, jobs * resultWidth(metrics.length)),
    updates: shared.updates.slice(0, keepsUpdates ? jobs * parameterCount : 0),
    blocks: new Float64Array(0),
  };
}

async function evaluateChunk(
  { what, jobs, clients, version, round, learningRate, firstBlock }: EvaluateChunk,
  pool: WorkerPool,
  shared: SharedRound,
  { metrics }: PlanManifest,
): Promise<ChunkResult> {
  shared.clients.set(clients);
  await pool.run({ kind: 'evaluate', what, jobs, slot: 0, version, round, learningRate, firstBlock });
  const ofClients = what === 'clients';
  return {
    magnitudeBound: 0,
    deltas: new Float64Array(0),
    extras: new Float64Array(0),
    masked: new Uint32Array(0),
    results: shared.results.slice(0, ofClients ? jobs * resultWidth(metrics.length) : 0),
    updates: new Float32Array(0),
    blocks: shared.blocks.slice(0, ofClients ? 0 : jobs * (metrics.length + 1)),
    kept: null,
  };
}
