/** Worker threads that share a round's jobs. */
import { Worker } from 'node:worker_threads';
import { SimulationError } from '../errors.js';
import type { EvaluateMessage, TrainMessage, WorkerAnswer, WorkerMessage } from './messages.js';
import type { SharedRound, WorkerSetting, WorkerSums } from './setting.js';

export interface WorkerPool {
  /** One for each worker; what they hold is of the last training. */
  readonly sums: readonly WorkerSums[];
  /** Does all jobs of the message; gives the bounds that say whether the sums are exact. */
  run(message: TrainMessage | EvaluateMessage): Promise<{ readonly magnitudeBound: number }>;
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  waiting: { resolve(answer: WorkerAnswer): void; reject(error: Error): void } | undefined;
}

/** What runs in a thread is the bundled file, whatever this one is: a thread reads all of its modules again. */
const entry = new URL(
  import.meta.url.replace(/(\/(src|dist)\/execution|\/bundle)\/[^/]*$/, '/bundle/worker.js'),
);

/** Starts `count` workers, each with sums of its own; gives the pool when all have compiled the plan. */
export async function startPool(
  setting: Omit<WorkerSetting, 'sums'>,
  sums: readonly WorkerSums[],
): Promise<WorkerPool> {
  const threads = sums.map((own): Thread => {
    const workerData: WorkerSetting = { ...setting, sums: own };
    const worker = new Worker(entry, { workerData });
    const thread: Thread = { worker, waiting: undefined };
    worker.on('message', (answer: WorkerAnswer) => settle(thread, (waiting) => waiting.resolve(answer)));
    worker.on('error', (error) => {
      settle(thread, (waiting) =>
        waiting.reject(
          new SimulationError('simulation/worker', `A worker ended: ${error.message}`, '', { cause: error }),
        ),
      );
    });
    worker.on('exit', (code) => {
      settle(thread, (waiting) =>
        waiting.reject(
          new SimulationError(
            'simulation/worker',
            `A worker ended with code ${code}.`,
            'Fewer workers need less memory: --workers 1.',
          ),
        ),
      );
    });
    return thread;
  });
  await Promise.all(threads.map(answerOf));
  return {
    sums,
    async run(message) {
      setting.shared.next[0] = 0;
      const answers = threads.map(answerOf);
      for (const { worker } of threads) worker.postMessage(message satisfies WorkerMessage);
      const done = await Promise.all(answers);
      let magnitudeBound = 0;
      for (const answer of done) {
        if (answer.kind === 'failed') throw failure(answer);
        if (answer.kind === 'done') magnitudeBound += Math.max(answer.magnitudeBound, answer.extraBound);
      }
      return { magnitudeBound };
    },
    async close() {
      for (const { worker } of threads) worker.postMessage({ kind: 'close' } satisfies WorkerMessage);
      await Promise.all(threads.map(({ worker }) => worker.terminate()));
    },
  };
}

function settle(thread: Thread, how: (waiting: NonNullable<Thread['waiting']>) => void): void {
  const { waiting } = thread;
  thread.waiting = undefined;
  if (waiting !== undefined) how(waiting);
}

function answerOf(thread: Thread): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    thread.waiting = { resolve, reject };
  });
}

function failure({ message, code }: { readonly message: string; readonly code: string }): SimulationError {
  const diverged = code === 'runtime/diverged' || code === 'not-finite';
  return new SimulationError(
    diverged ? 'simulation/diverged' : 'simulation/worker',
    `A client's training failed: ${message}`,
    diverged ? 'Lower training.learningRate.' : '',
  );
}

export type { SharedRound };
