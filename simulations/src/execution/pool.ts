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

/** Threads that are there before there is anything for them: they read their modules meanwhile. */
export interface Threads {
  /** Gives them what they work on, once; resolves when all have compiled the plan. */
  begin(setting: Omit<WorkerSetting, 'sums'>, sums: readonly WorkerSums[]): Promise<WorkerPool>;
  /** Ends them, whether they have begun or not. */
  close(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  waiting: { resolve(answer: WorkerAnswer): void; reject(error: Error): void } | undefined;
  /** Why nothing of it will ever come. */
  ended: SimulationError | undefined;
}

/** What runs in a thread is the bundled file, whatever this one is: a thread reads all of its modules again. */
const entry = new URL(
  import.meta.url.replace(/(\/(src|dist)\/execution|\/bundle)\/[^/]*$/, '/bundle/worker.js'),
);

/** Whoever starts threads closes them, or the pool that they become. */
export function startThreads(count: number): Threads {
  const threads = Array.from({ length: count }, startThread);
  const close = async (): Promise<void> => {
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  };
  return {
    async begin(setting, sums) {
      const ready = threads.map(answerOf);
      for (const [at, { worker }] of threads.entries()) {
        worker.postMessage({ ...setting, sums: sums[at] } satisfies WorkerSetting);
      }
      try {
        await Promise.all(ready);
      } catch (error) {
        await close();
        throw error;
      }
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
          await close();
        },
      };
    },
    close,
  };
}

/** Starts a thread for each of `sums`; gives the pool when all have compiled the plan. */
export function startPool(
  setting: Omit<WorkerSetting, 'sums'>,
  sums: readonly WorkerSums[],
): Promise<WorkerPool> {
  return startThreads(sums.length).begin(setting, sums);
}

function startThread(): Thread {
  const worker = new Worker(entry);
  const thread: Thread = { worker, waiting: undefined, ended: undefined };
  const end = (message: string, remedy: string, cause?: Error): void => {
    thread.ended ??= new SimulationError('simulation/worker', message, remedy, { cause });
    const { ended } = thread;
    settle(thread, (waiting) => waiting.reject(ended));
  };
  worker.on('message', (answer: WorkerAnswer) => settle(thread, (waiting) => waiting.resolve(answer)));
  worker.on('error', (error) => end(`A worker ended: ${error.message}`, '', error));
  worker.on('exit', (code) =>
    end(`A worker ended with code ${code}.`, 'Fewer workers need less memory: --workers 1.'),
  );
  return thread;
}

function settle(thread: Thread, how: (waiting: NonNullable<Thread['waiting']>) => void): void {
  const { waiting } = thread;
  thread.waiting = undefined;
  if (waiting !== undefined) how(waiting);
}

function answerOf(thread: Thread): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    if (thread.ended === undefined) thread.waiting = { resolve, reject };
    else reject(thread.ended);
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
