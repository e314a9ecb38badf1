import type { Job, Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { SimulationError } from '../errors.js';
import type { Chunk } from './work.js';

/** How often, while it waits, a director looks for itself: a message may be lost, and workers may be missing. */
const lookEveryMs = 5000;

export interface Waiting {
  readonly redis: Redis;
  readonly queue: Queue<Chunk, unknown, string, Chunk, unknown, string>;
  readonly events: QueueEvents;
  /** Told when there is work and nobody to do it. */
  readonly onIdle: (() => void) | undefined;
}

/** What the worker returned. Events tell it at once; now and then the queue itself is asked, in case one was lost. */
export async function finished(
  job: Job<Chunk, unknown>,
  { redis, queue, events, onIdle }: Waiting,
): Promise<unknown> {
  for (;;) {
    try {
      return await job.waitUntilFinished(events, lookEveryMs);
    } catch (error) {
      if (redis.status === 'end') {
        throw new SimulationError(
          'simulation/queue',
          'The connection to Redis is lost.',
          'When Redis is back, go on with the run by --resume.',
          { cause: error },
        );
      }
      const state = await job.getState();
      if (state === 'failed' || state === 'unknown') {
        const message = error instanceof Error ? error.message : String(error);
        throw new SimulationError(
          'simulation/worker',
          `A chunk of the round failed: ${message}`,
          'Workers that crash over and over need more memory, or fewer threads: starling-sim worker --workers 1.',
          { cause: error },
        );
      }
      if (state === 'waiting' && (await queue.getWorkersCount()) === 0) onIdle?.();
    }
  }
}
