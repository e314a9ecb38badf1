import type { KeyObject } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { compiledBeside } from '../isolation/index.js';
import type { RequestTask } from './request-thread.js';

/**
 * A certificate request, made in a thread that ends with it: the X.509 library would stay in the memory of the process
 * that enrolled (docs/decisions/022-memory-of-a-waiting-agent.md).
 */
export function makeCertificateRequest(key: KeyObject, deviceId: string): Promise<Uint8Array> {
  const task: RequestTask = { key, deviceId };
  return new Promise((resolve, reject) => {
    const thread = new Worker(compiledBeside(import.meta.url, './request-thread.js'), { workerData: task });
    thread.once('message', resolve);
    thread.once('error', reject);
    // After an answer or an error this changes nothing.
    thread.once('exit', (code) =>
      reject(new Error(`the thread for a certificate request ended (code ${code})`)),
    );
  });
}
