/** Runs jobs one after the other, in the order in which they were handed in. */
export interface SerialQueue {
  run<T>(job: () => Promise<T>): Promise<T>;
}

export function createSerialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  return {
    run(job) {
      const result = last.then(job);
      // A job that fails tells who handed it in, not the one after it.
      last = result.catch(() => undefined);
      return result;
    },
  };
}
