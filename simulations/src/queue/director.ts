/** The pool of a run whose workers are processes anywhere: rounds are cut into chunks, and Redis hands them out. */
import type { Plan } from '@starling/engine';
import type { Scheduled } from '@starling/federation';
import { type Job, Queue, QueueEvents } from 'bullmq';
import { createSystemClock, uniqueId } from '../adapters/index.js';
import { SimulationError } from '../errors.js';
import { keptVectorsOf } from '../execution/client.js';
import { KeptVectors } from '../execution/kept-vectors.js';
import type { EvaluateMessage, TrainMessage } from '../execution/messages.js';
import type { WorkerPool } from '../execution/pool.js';
import type { WorkerSetting, WorkerSums } from '../execution/setting.js';
import { connect, type RedisSettings, redisOptions } from './connect.js';
import {
  type ContentReference,
  contentSeconds,
  getContent,
  keepContent,
  putContent,
  removeContent,
} from './content.js';
import { cuts } from './cuts.js';
import { finished } from './finished.js';
import { readKept, writeKept } from './kept-block.js';
import { mergeResult } from './merge-result.js';
import { pack, unpack } from './pack.js';
import {
  aliveKey,
  aliveSeconds,
  answerSchema,
  type Chunk,
  type ChunkResult,
  chunkMax,
  keepersOf,
  queueName,
  type Session,
  type TrainChunk,
} from './work.js';

export interface QueueSettings extends RedisSettings {
  /** Told when there is work and nobody to do it. */
  readonly onIdle?: () => void;
}

export interface QueuePoolOptions {
  readonly keepsUpdates: boolean;
  readonly slots: number;
}

/** Bytes of vectors of single clients that a chunk may carry. */
const clientBytesMax = 64 * 2 ** 20;
/** Connects, and uploads what workers need to know once. Throws a `SimulationError` `simulation/queue`. */
export async function startQueuePool(
  setting: Omit<WorkerSetting, 'sums'>,
  sums: WorkerSums,
  options: QueuePoolOptions,
  queueSettings: QueueSettings,
): Promise<WorkerPool> {
  const { local, plan, personalPlan, fleet, test, shared, statePath } = setting;
  const { parameterCount, metrics } = plan.manifest;
  const connection = await redisOptions(queueSettings);
  const redis = await connect(queueSettings);
  const id = uniqueId();
  const queue = new Queue<Chunk, unknown, string, Chunk, unknown, string>(queueName, { connection });
  const events = new QueueEvents(queueName, { connection });
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  // Each chunk that is waited for listens.
  queue.setMaxListeners(0);
  const keptCount = keptVectorsOf(local);
  const ownBytes = 4 * parameterCount * (keptCount + (options.keepsUpdates ? 1 : 0));
  const most = Math.max(1, Math.min(chunkMax, Math.floor(clientBytesMax / Math.max(1, ownBytes))));
  const kept = statePath === undefined ? undefined : new KeptVectors(statePath, keptCount, parameterCount);
  const close = async (): Promise<void> => {
    beat?.cancel();
    kept?.close();
    await redis.del(aliveKey(id)).catch(() => undefined);
    await Promise.allSettled([queue.close(), events.close()]);
    redis.disconnect();
  };
  const clock = createSystemClock();
  let beat: Scheduled | undefined;
  const stayAlive = (): void => {
    redis.set(aliveKey(id), 1, 'EX', aliveSeconds).catch(() => undefined);
    beat = clock.schedule((aliveSeconds * 1000) / 4, stayAlive);
  };
  stayAlive();
  const put = (value: unknown, what: string): Promise<ContentReference> =>
    putContent(redis, pack(value), what);
  let session: Session;
  try {
    session = {
      id,
      setting: await put({ local, ...options, jobs: most }, 'setting'),
      plan: await put({ plan: packedPlan(plan), personalPlan: packedPlan(personalPlan) }, 'plan'),
      data: await put({ fleet, test }, 'data set'),
    };
  } catch (error) {
    await close();
    throw error;
  }

  async function runAll(chunks: readonly { readonly first: number; readonly chunk: Chunk }[]) {
    const jobs = await queue.addBulk(
      chunks.map(({ chunk }) => ({
        name: chunk.kind,
        data: chunk,
        opts: { removeOnComplete: { age: contentSeconds }, removeOnFail: { age: contentSeconds } },
      })),
    );
    try {
      return await Promise.all(
        jobs.map(async (job, at) => {
          const { chunk, first } = chunks[at];
          const result = await resultOf(job);
          mergeResult(shared, sums, result, first, { parameterCount, metrics: metrics.length });
          if (kept !== undefined && result.kept !== null && chunk.kind === 'train') {
            writeKept(kept, keepersOf(chunk, local), result.kept, chunk.round);
          }
          return result.magnitudeBound;
        }),
      );
    } catch (error) {
      await Promise.allSettled(jobs.map((job) => job.remove()));
      throw error;
    }
  }

  async function resultOf(job: Job<Chunk, unknown>): Promise<ChunkResult> {
    const answer = answerSchema.parse(
      await finished(job, { redis, queue, events, onIdle: queueSettings.onIdle }),
    );
    if (answer.kind === 'failed') throw new SimulationError(answer.code, answer.message, answer.remedy);
    if (answer.kind === 'dropped')
      throw new SimulationError(
        'simulation/queue',
        'A worker took this run for dead.',
        'Go on with it by --resume.',
      );
    const result = unpack(await getContent(redis, answer.result, 'result')) as ChunkResult;
    await removeContent(redis, [answer.result]);
    return result;
  }

  const keptContent = async (clients: readonly number[], round: number): Promise<ContentReference | null> =>
    kept === undefined ? null : put(readKept(kept, clients, round), "clients' kept vectors");
  /** Checkpoints that lie in Redis, by their commit. */
  const uploaded = new Map<number, ContentReference>();
  const checkpointContent = async (slot: number, version: number): Promise<ContentReference> => {
    const known = uploaded.get(version);
    if (known !== undefined) return known;
    const first = slot * parameterCount;
    const parameters = shared.checkpoints.subarray(first, first + parameterCount);
    const content = await put({ parameters }, 'checkpoint');
    uploaded.set(version, content);
    return content;
  };
  const forgetOthers = async (versions: readonly number[]): Promise<void> => {
    const old = [...uploaded].filter(([version]) => !versions.includes(version));
    for (const [version] of old) uploaded.delete(version);
    await removeContent(
      redis,
      old.map(([, content]) => content),
    );
  };

  async function train(message: TrainMessage, workers: number): Promise<number> {
    const { round, jobs, learningRate, slotVersions, currentSlot, rotationSeed, speaker } = message;
    for (const own of Object.values(sums)) own.fill(0);
    await forgetOthers(slotVersions);
    const checkpoints = new Map<number, TrainChunk['checkpoints'][number]>();
    for (const slot of new Set([currentSlot, ...shared.slots.subarray(0, jobs)])) {
      const version = slotVersions[slot];
      checkpoints.set(slot, { version, content: await checkpointContent(slot, version) });
    }
    const broadcast =
      shared.broadcast.length === 0 ? null : await put({ vectors: shared.broadcast }, 'broadcast vectors');
    const chunks = await Promise.all(
      cuts(jobs, most, workers, local.together).map(async ({ first, count }) => {
        const part = <T extends { subarray(from: number, to: number): ArrayLike<number> }>(
          all: T,
        ): number[] => Array.from(all.subarray(first, first + count));
        const ownSlots = part(shared.slots);
        const own = {
          clients: part(shared.clients),
          hostile: part(shared.hostile).map((value) => (value === 1 ? (1 as const) : (0 as const))),
          speaker,
        };
        return {
          first,
          chunk: {
            kind: 'train' as const,
            session,
            round,
            learningRate,
            rotationSeed: Buffer.from(rotationSeed).toString('hex'),
            current: slotVersions[currentSlot],
            checkpoints: [...new Set([currentSlot, ...ownSlots])].flatMap(
              (slot) => checkpoints.get(slot) ?? [],
            ),
            broadcast,
            ...own,
            kept: await keptContent(keepersOf(own, local), round),
            versions: ownSlots.map((slot) => slotVersions[slot]),
            staleness: part(shared.staleness),
            epochs: part(shared.epochs),
          },
        };
      }),
    );
    const bounds = await runAll(chunks);
    await removeContent(redis, [
      ...(broadcast === null ? [] : [broadcast]),
      ...chunks.flatMap(({ chunk }) => chunk.kept ?? []),
    ]);
    return bounds.reduce((sum, bound) => sum + bound, 0);
  }

  async function evaluate(message: EvaluateMessage, workers: number): Promise<void> {
    const { what, round, learningRate, version, slot, jobs } = message;
    const checkpoint = await checkpointContent(slot, version);
    const chunks = await Promise.all(
      cuts(jobs, most, workers).map(async ({ first, count }) => {
        const clients = what === 'clients' ? [...shared.clients.subarray(first, first + count)] : [];
        return {
          first,
          chunk: {
            kind: 'evaluate' as const,
            session,
            what,
            round,
            learningRate,
            version,
            checkpoint,
            firstBlock: what === 'clients' ? 0 : first,
            jobs: count,
            clients,
            // After the commit of `round`.
            kept: clients.length === 0 ? null : await keptContent(clients, round + 1),
          },
        };
      }),
    );
    await runAll(chunks);
    await removeContent(
      redis,
      chunks.flatMap(({ chunk }) => chunk.kept ?? []),
    );
  }

  return {
    sums: [sums],
    async run(message) {
      await keepContent(redis, [session.setting, session.plan, session.data]);
      const workers = Math.max(1, await queue.getWorkersCount());
      if (message.kind === 'train') return { magnitudeBound: await train(message, workers) };
      await evaluate(message, workers);
      return { magnitudeBound: 0 };
    },
    close,
  };
}

const packedPlan = (plan: Plan | undefined) => plan && { manifest: plan.manifest, files: [...plan.files] };
