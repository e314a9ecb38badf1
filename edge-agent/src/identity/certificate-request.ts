import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { compiledBeside } from '../isolation/index.js';
import type { RequestAnswer, RequestTask } from './request-thread.js';

/**
 * A certificate request, made in a thread that ends with the last of those asked for: the X.509 library would stay in the
 * memory of the process that enrolled (docs/decisions/022-memory-of-a-waiting-agent.md).
 */
export function makeCertificateRequest(key: KeyObject, deviceId: string): Promise<Uint8Array> {
  running ??= startThread(() => {
    running = undefined;
  });
  return running.make(key, deviceId);
}

/** One for all who ask while it runs: each loads the library anew. */
let running: RequestThread | undefined;

interface RequestThread {
  make(key: KeyObject, deviceId: string): Promise<Uint8Array>;
}

interface Waiting {
  readonly resolve: (request: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** `ended` is called once, before the last who waits has its answer: who asks then needs another thread. */
function startThread(ended: () => void): RequestThread {
  const thread = new Worker(compiledBeside(import.meta.url, './request-thread.js'));
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  const fail = (error: Error): void => {
    if (waiting.size > 0) ended();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  thread.on('message', (answer: RequestAnswer) => {
    const { number } = answer;
    const waits = waiting.get(number);
    waiting.delete(number);
    if (waiting.size === 0) {
      ended();
      void thread.terminate();
    }
    if ('request' in answer) waits?.resolve(answer.request);
    else waits?.reject(new Error(`no certificate request could be made: ${answer.failure}`));
  });
  thread.once('error', fail);
  // After the last answer this changes nothing.
  thread.once('exit', (code) => fail(new Error(`the thread for certificate requests ended (code ${code})`)));
  return {
    make: (key, deviceId) =>
      new Promise((resolve, reject) => {
        const task: RequestTask = { number: asked, key, deviceId };
        waiting.set(asked, { resolve, reject });
        asked += 1;
        thread.postMessage(task);
      }),
  };
}
