import { Worker } from 'node:worker_threads';
import type { Answer, Request } from './messages.js';

/** Worker threads that each answer one request at a time. */
export interface Threads {
  readonly count: number;
  /** Asks every thread at once; `requestOf` is called with the thread's number. */
  ask<Kind extends Request['kind']>(
    kind: Kind,
    requestOf: (thread: number) => Extract<Request, { kind: Kind }>,
  ): Promise<Extract<Answer, { kind: Kind }>[]>;
  close(): Promise<void>;
}

export function startThreads(count: number): Threads {
  const workers = Array.from({ length: count }, () => new Worker(new URL('./worker.js', import.meta.url)));
  const asked = (worker: Worker, request: Request): Promise<Answer> =>
    new Promise((resolve, reject) => {
      worker.once('message', (answer: Answer) => {
        worker.off('error', reject);
        resolve(answer);
      });
      worker.once('error', reject);
      worker.postMessage(request);
    });
  return {
    count,
    async ask<Kind extends Request['kind']>(
      kind: Kind,
      requestOf: (thread: number) => Extract<Request, { kind: Kind }>,
    ) {
      const answers = await Promise.all(workers.map((worker, thread) => asked(worker, requestOf(thread))));
      return answers.filter((answer): answer is Extract<Answer, { kind: Kind }> => answer.kind === kind);
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
