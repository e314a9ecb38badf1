/** One loaded plan for all devices: they are in one process, and it has no memory for a runtime each. */
import type { EvaluateOptions, ExampleSource, MetricSums, TrainingSession } from '@starling/engine';

/** What a device trains on in this round; checkpoint, epochs and step size are what the coordinator said. */
export interface OwnTraining {
  readonly examples: ExampleSource;
  /** Decides the order of the examples. */
  readonly seed: number;
  /** Changes the update in place, on a hostile device. */
  readonly tamper?: (delta: Float32Array) => void;
  /** How long all of it takes, in virtual time. */
  passed(signal: AbortSignal | undefined): Promise<void>;
}

export interface SharedSession {
  /**
   * As one device sees it; `own` is asked when its agent trains, and never answers where the device is lost over it.
   * While it computes, it is among `busy`: virtual time waits.
   */
  of(busy: Set<Promise<unknown>>, own: () => OwnTraining | Promise<never>): TrainingSession;
  evaluate(options: EvaluateOptions): Promise<MetricSums>;
  release(): Promise<void>;
}

export function createSharedSession(session: TrainingSession): SharedSession {
  /** One after the other: training of two devices at a time would take the memory of two. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(busy: Set<Promise<unknown>>, job: () => Promise<T>): Promise<T> => {
    const result = last.then(job);
    last = result.catch(() => undefined);
    busy.add(result);
    result.catch(() => undefined).then(() => busy.delete(result));
    return result;
  };
  return {
    of: (busy, own) => ({
      async train({ parameters, epochs, learningRate, local, signal }) {
        const { examples, seed, tamper, passed } = await own();
        const result = await inTurn(busy, () =>
          session.train({ parameters, epochs, learningRate, examples, seed, ...(local && { local }) }),
        );
        tamper?.(result.delta);
        await passed(signal);
        return result;
      },
      evaluate: (options) => inTurn(busy, () => session.evaluate(options)),
      async release() {},
    }),
    evaluate: (options) => session.evaluate(options),
    release: () => session.release(),
  };
}
