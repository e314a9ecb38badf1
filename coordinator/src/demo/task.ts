import type { TaskDefinition } from '../tasks/index.js';
import { parseTask } from '../tasks/index.js';
import type { DemoOptions } from './options.js';

/** The least share of the agents whose updates make a round: the demo goes on when an agent dies. */
const quorum = 0.8;

/**
 * MNIST with the 2NN of McMahan et al. 2017. With two classes an agent, local training pulls each copy of the model its
 * own way: short rounds, and momentum at the server (Hsu et al. 2019) that remembers where the fleet as a whole was
 * going, are what makes them agree quickly.
 */
export function demoTask(options: DemoOptions, testFolder: string): TaskDefinition {
  const { agents, rounds, targetAccuracy, iid } = options;
  return parseTask(
    JSON.stringify({
      name: 'mnist',
      description: 'Handwritten digits, from images that never leave their agent',
      model: { builtin: '2nn' },
      contract: {
        features: [{ name: 'image', dataType: 'uint8', shape: [28, 28], range: [0, 255], scale: 1 / 255 }],
        target: { kind: 'class', name: 'digit', classes: 10 },
      },
      training: { loss: 'softmax-cross-entropy', ...(iid ? iidTraining : shardTraining) },
      strategy: options.strategy === undefined ? defaultStrategy(iid) : options.strategy,
      encoding: options.encoding,
      cohort: { size: agents, minimum: Math.max(1, Math.ceil(agents * quorum)) },
      deadlines: { recruitMs: 60_000, recruitGraceMs: 1_000, collectMs: 20_000, collectProgressMs: 10_000 },
      evaluation: { central: { examples: testFolder } },
      stop: {
        rounds,
        ...(targetAccuracy !== undefined && {
          target: { metric: 'accuracy', source: 'central', value: targetAccuracy },
        }),
      },
    }),
  );
}

const shardTraining = { batchSize: 50, epochs: 1, learningRate: 0.2, examplesMax: 3000 };
const iidTraining = { batchSize: 50, epochs: 1, learningRate: 0.2 };

function defaultStrategy(iid: boolean): object {
  return iid ? { kind: 'fedavg' } : { kind: 'fedavgm', momentum: 0.8 };
}
