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
  const { agents, rounds, iid, secureAggregation, epsilon, targetAccuracy } = options;
  return parseTask(
    JSON.stringify({
      name: 'mnist',
      description: 'Handwritten digits, from images that never leave their agent',
      model: epsilon === undefined ? { builtin: '2nn' } : linearModel,
      contract: {
        features: [{ name: 'image', dataType: 'uint8', shape: [28, 28], range: [0, 255], scale: 1 / 255 }],
        target: { kind: 'class', name: 'digit', classes: 10 },
      },
      training: { loss: 'softmax-cross-entropy', ...trainingOf(options) },
      strategy: options.strategy ?? defaultStrategy(iid || epsilon !== undefined),
      ...(epsilon !== undefined && { privacy: privacyOf(epsilon, options) }),
      secureAggregation: secureAggregation ? secureSettings(options) : 'none',
      encoding: options.encoding,
      cohort: {
        size: agents,
        minimum: Math.max(secureAggregation ? 2 : 1, Math.ceil(agents * quorum)),
      },
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
/** All are clipped to the same length; the more examples there are behind an update, the better is its direction. */
const privateTraining = { batchSize: 100, epochs: 1, learningRate: 0.5, examplesMax: 2000 };

function trainingOf({ epsilon, iid }: DemoOptions): object {
  if (epsilon !== undefined) return privateTraining;
  return iid ? iidTraining : shardTraining;
}

/**
 * 784-10, softmax regression. Noise falls on every parameter alike, and a few dozen devices hide behind a lot of it: with
 * 25 times the parameters nothing would be left of what they learn.
 */
const linearModel = {
  kind: 'sequential',
  inputShape: [784],
  layers: [{ kind: 'dense', units: 10, kernelInitializer: 'zeros' }],
};

/** What the budget lasts for; a run of more rounds shows how it ends. */
const privateRounds = 15;

/** δ is well below one in the number of people a fleet of this size stands for. */
function privacyOf(epsilon: number, { rounds, distributed }: DemoOptions): object {
  const noise = { kind: 'calibrated', rounds: Math.min(rounds, privateRounds) };
  return { kind: distributed ? 'distributed' : 'central', epsilon, delta: 1e-5, clip: 0.5, noise };
}

/** Longer than most updates of the first rounds, in which they are longest. */
const clipNorm = 8;
/** More than nearly all elements of an update. */
const elementMaximum = 0.25;
const examples = 60_000;

function secureSettings({ agents, bits, rotation, iid }: DemoOptions): object {
  return {
    encoding: {
      bits,
      clipNorm,
      rotation: rotation ? { kind: 'hadamard' } : { kind: 'none', elementMaximum },
    },
    ...(iid && { weightMaximum: Math.ceil(examples / agents) }),
    answersGraceMs: 1_000,
  };
}

function defaultStrategy(iid: boolean): object {
  return iid ? { kind: 'fedavg' } : { kind: 'fedavgm', momentum: 0.8 };
}
