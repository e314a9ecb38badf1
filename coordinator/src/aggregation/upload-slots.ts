/**
 * How many uploads are served at once: each of them has buffers, so that a cohort that answers at the same moment must
 * not decide how much memory is taken. Who comes beyond that waits in the order of arrival; who comes when even the
 * queue is full is told to come back.
 */
import { CoordinatorError, refusal } from '../errors.js';

export interface UploadSlots {
  /**
   * Resolves when it is this upload's turn; call what it gives when the upload is over. Rejects with `UPLOADS_BUSY`, and
   * with the signal's reason.
   */
  enter(signal: AbortSignal): Promise<() => void>;
  readonly served: number;
  readonly waiting: number;
}

/** Those who wait have sent a flow-control window at most. */
const waitingPerSlot = 64;
const retryAfterMs = 5_000;

export function createUploadSlots(servedMax: number): UploadSlots {
  const queue = new Set<() => void>();
  let served = 0;

  const leave = (): void => {
    served -= 1;
    const [next] = queue;
    next?.();
  };

  const take = (): (() => void) => {
    served += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      leave();
    };
  };

  return {
    get served() {
      return served;
    },
    get waiting() {
      return queue.size;
    },
    enter(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (served < servedMax) return Promise.resolve(take());
      if (queue.size >= servedMax * waitingPerSlot) return Promise.reject(busy(queue.size));
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          queue.delete(go);
          signal.removeEventListener('abort', onAbort);
        };
        const go = (): void => {
          stop();
          resolve(take());
        };
        const onAbort = (): void => {
          stop();
          reject(signal.reason);
        };
        queue.add(go);
        signal.addEventListener('abort', onAbort);
      });
    },
  };
}

function busy(waiting: number): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'resource-exhausted',
      'UPLOADS_BUSY',
      `${waiting} uploads wait for their turn already.`,
      'Try again later.',
      retryAfterMs,
    ),
  );
}
