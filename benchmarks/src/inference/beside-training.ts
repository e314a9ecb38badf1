/** How long answers take while the same device trains, in a process of its own as an agent does, against idle. */

import { defaultIsolation, isolatedTraining, systemClock } from '@starling/edge-agent';
import { buildModel, compilePlan, initializeParameters, namedModel } from '@starling/engine';
import { type Figure, median, rounded } from '../figure.js';
import { memoryExamples } from '../training/examples.js';
import type { LoadResult } from './load.js';

/** In turns: what else the machine does falls on both. */
export async function* besideTraining(
  load: () => Promise<LoadResult>,
  form: string,
  repetitions: number,
): AsyncGenerator<Figure> {
  const idle: LoadResult[] = [];
  const training: LoadResult[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    idle.push(await load());
    training.push(await whileTraining(load));
  }
  const common = { benchmark: 'inference', case: `${form}, 1 connection, beside training`, unit: 'ms' };
  for (const key of ['p50Ms', 'p99Ms'] as const) {
    const [alone, beside] = [idle, training].map((results) => median(results.map((result) => result[key])));
    yield {
      ...common,
      metric: key.replace('Ms', ''),
      value: rounded(beside),
      peer: 'idle',
      peerValue: rounded(alone),
      ratio: rounded(alone / beside),
    };
  }
}

/** The 2NN, one epoch after the other, until the work is done. */
async function whileTraining<T>(work: () => Promise<T>): Promise<T> {
  const definition = namedModel('2nn');
  const plan = compilePlan(definition, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 20,
  });
  const runtime = isolatedTraining({ settings: defaultIsolation, gate: undefined, clock: systemClock() });
  const session = await runtime.load(plan, { threads: 1 });
  const examples = memoryExamples(plan.manifest, 2000);
  const ending = new AbortController();
  const parameters = initializeParameters(buildModel(definition), 1);
  let begun: () => void = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const options = { parameters, examples, epochs: 1000, learningRate: 0.01, seed: 1 };
  const training = session.train({ ...options, signal: ending.signal, onProgress: () => begun() });
  // Ended by us, it rejects; whatever else goes wrong must not pass for a figure.
  const ended = training.then(
    () => undefined,
    (error: unknown) => error,
  );
  try {
    const failed = await Promise.race([hasBegun, ended]);
    if (failed !== undefined) throw failed;
    const done = await Promise.race([work(), ended.then((error) => Promise.reject(error))]);
    return done as T;
  } finally {
    ending.abort();
    await ended;
    await session.release();
  }
}
