/** A process that does chunks of rounds for whoever puts them into the queue. */
import { Worker } from 'bullmq';
import { SimulationError } from '../errors.js';
import { connect, type RedisSettings, redisOptions } from './connect.js';
import { putContent } from './content.js';
import { type OpenSession, openSession } from './open-session.js';
import { pack } from './pack.js';
import { type Answer, aliveKey, chunkSchema, queueName, type Session } from './work.js';

export interface QueueWorkerSettings extends RedisSettings {
  /** Threads. */
  readonly workers: number;
  readonly onEvent?: (event: QueueWorkerEvent) => void;
}

export type QueueWorkerEvent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'session'; readonly id: string }
  | { readonly kind: 'started'; readonly round: number; readonly clients: number }
  | { readonly kind: 'done'; readonly round: number }
  | { readonly kind: 'lost'; readonly message: string };

/** A worker that was killed holds its chunk this long at most; then another has it. */
const lockMs = 5000;
/** A result that nobody fetches goes away. */
const resultSeconds = 600;
/** Crashes that one chunk may cause before the run is told. */
const stalledMax = 5;

/** Serves until `close`, which ends after the chunk that is being done. Throws a `SimulationError` `simulation/queue`. */
export async function serveQueue(settings: QueueWorkerSettings): Promise<{ close(): Promise<void> }> {
  const { onEvent = () => undefined } = settings;
  const redis = await connect(settings);
  let open: OpenSession | undefined;
  const sessionOf = async (session: Session): Promise<OpenSession> => {
    if (open?.id === session.id) return open;
    await open?.close();
    open = undefined;
    onEvent({ kind: 'session', id: session.id });
    open = await openSession(redis, session, settings.workers);
    return open;
  };
  const worker = new Worker<unknown, Answer>(
    queueName,
    async ({ id, data }) => {
      const chunk = chunkSchema.parse(data);
      if ((await redis.exists(aliveKey(chunk.session.id))) === 0) return { kind: 'dropped' };
      onEvent({
        kind: 'started',
        round: chunk.round,
        clients: chunk.kind === 'train' ? chunk.clients.length : 0,
      });
      try {
        const session = await sessionOf(chunk.session);
        const result = await session.run(chunk);
        onEvent({ kind: 'done', round: chunk.round });
        return {
          kind: 'done',
          result: await putContent(redis, pack({ ...result, job: id }), 'result', resultSeconds),
        };
      } catch (error) {
        // Another worker would come to the same; connections that break are BullMQ's matter.
        if (!(error instanceof SimulationError)) throw error;
        const { message, remedy } = error;
        const code = error.code === 'simulation/diverged' ? error.code : 'simulation/worker';
        return { kind: 'failed', code, message, remedy };
      }
    },
    {
      connection: await redisOptions(settings),
      concurrency: 1,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: stalledMax,
    },
  );
  worker.on('error', (error) => onEvent({ kind: 'lost', message: error.message }));
  await worker.waitUntilReady();
  onEvent({ kind: 'ready' });
  return {
    async close() {
      // Forced where Redis is away: there is nobody to give a job back to, and waiting for it would not end.
      await worker.close(redis.status !== 'ready');
      await open?.close();
      redis.disconnect();
    },
  };
}
