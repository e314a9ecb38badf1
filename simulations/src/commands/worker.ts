import { once } from 'node:events';
import { processorCount } from '../adapters/index.js';
import { SimulationError } from '../errors.js';
import { type QueueWorkerEvent, type RedisSettings, serveQueue } from '../queue/index.js';
import { printLine, remark, type Terminal } from './terminal.js';

export interface WorkerArguments {
  readonly redis: RedisSettings | undefined;
  readonly workers: number | undefined;
  readonly json: boolean;
}

/** Works until the user ends it; the chunk that is being done is finished first. */
export async function workerCommand(args: WorkerArguments, terminal: Terminal): Promise<void> {
  const { redis, json } = args;
  if (redis === undefined) {
    throw new SimulationError(
      'simulation/usage',
      'Say which Redis hands out the work.',
      'starling-sim worker --redis redis://HOST, or set STARLING_REDIS.',
    );
  }
  const workers = args.workers ?? processorCount();
  const onEvent = (event: QueueWorkerEvent): void => {
    if (json) printLine(terminal, JSON.stringify(event));
    else if (event.kind !== 'done') remark(terminal, sentenceOf(event, workers));
  };
  const serving = await serveQueue({ ...redis, workers, onEvent });
  if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
  await serving.close();
}

function sentenceOf(event: QueueWorkerEvent, workers: number): string {
  switch (event.kind) {
    case 'ready':
      return `Ready, with ${workers} threads. Ctrl-C ends after the work in hand.`;
    case 'session':
      return `Fetching what run ${event.id} needs …`;
    case 'started':
      return `round ${event.round + 1}`;
    case 'done':
      return '';
    case 'lost':
      return `Redis: ${event.message}`;
  }
}
