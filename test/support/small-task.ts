/**
 * A problem that a small model learns in a moment: four readings tell three kinds apart. Everything about it is
 * decided by a seed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compilePlan,
  type ExampleSource,
  openExamplesFolder,
  type Plan,
  parseModel,
  readContract,
} from '@starling/engine';
import { createSeededEntropy, uniform } from '@starling/federation';

const classes = 3;
const readings = 4;

export const smallContract = {
  features: [
    { name: 'reading', dataType: 'float32', shape: [readings], range: [-16, 16], scale: 0.5, offset: 0 },
  ],
  target: { kind: 'class', name: 'kind', classes },
} as const;

export interface SmallTaskOptions {
  readonly name?: string;
  readonly agents: number;
  /** Width of the hidden layer; 8 parameters for each unit. */
  readonly hidden?: number;
  readonly rounds?: number;
  readonly epochs?: number;
  readonly batchSize?: number;
  /** Laid over the definition, section by section. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/** A task's definition, as an operator would write it: FedAvg, every agent in every round. */
export function smallTask(options: SmallTaskOptions) {
  const { name = 'kinds', agents, hidden = 16, rounds = 3, epochs = 2, batchSize = 20 } = options;
  return {
    name,
    model: {
      kind: 'sequential',
      inputShape: [readings],
      layers: [{ kind: 'dense', units: hidden }, { kind: 'relu' }, { kind: 'dense', units: classes }],
    },
    contract: smallContract,
    training: { loss: 'softmax-cross-entropy', optimizer: 'sgd', batchSize, epochs, learningRate: 0.25 },
    strategy: 'fedavg',
    secureAggregation: 'none',
    cohort: { size: agents },
    stop: { rounds },
    ...options.overrides,
  };
}

/** Writes `count` examples; device `index` sees more of the kind `index % 3` than of the others. */
export async function writeSmallExamples(folder: string, index: number, count = 60): Promise<string> {
  const entropy = createSeededEntropy(`small examples ${index}`);
  const lines = [`${Array.from({ length: readings }, (_, i) => `reading.${i}`).join(',')},kind`];
  for (let row = 0; row < count; row++) {
    const kind = row % 2 === 0 ? index % classes : row % classes;
    const values = Array.from({ length: readings }, (_, axis) =>
      ((axis === kind ? 4 : 0) + 3 * (uniform(entropy) - 0.5)).toFixed(4),
    );
    lines.push(`${values.join(',')},${kind}`);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'examples.csv'), `${lines.join('\n')}\n`);
  return folder;
}

export function openSmallExamples(folder: string): Promise<ExampleSource> {
  return openExamplesFolder(folder, readContract(smallContract, 'contract'));
}

/** The plan that the task's definition stands for, compiled here rather than by the coordinator. */
export function smallPlan(task: ReturnType<typeof smallTask>): Plan {
  return compilePlan(parseModel(task.model), {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: task.training.batchSize,
  });
}
