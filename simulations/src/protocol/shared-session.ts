/** One loaded plan for all devices: they are in one process, and it has no memory for a runtime each. */
import type { EvaluateOptions, ExampleSource, MetricSums, TrainingSession } from '@starling/engine';

export interface SharedSession {
  /**
   * As one device sees it. What it trains on, and the seed that decides their order, are the simulation's; checkpoint,
   * epochs and step size are what the coordinator said. While it computes, it is among `busy`: virtual time waits.
   */
  of(busy: Set<Promise<unknown>>, own: { examples(): ExampleSource; seed(): number }): TrainingSession;
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
      train: (options) =>
        inTurn(busy, async () =>
          session.train({
            parameters: options.parameters,
            epochs: options.epochs,
            learningRate: options.learningRate,
            examples: own.examples(),
            seed: own.seed(),
            ...(options.local && { local: options.local }),
          }),
        ),
      evaluate: (options) => inTurn(busy, () => session.evaluate(options)),
      async release() {},
    }),
    evaluate: (options) => session.evaluate(options),
    release: () => session.release(),
  };
}
