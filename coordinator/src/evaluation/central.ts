/** Evaluation on the coordinator's own examples, off the critical path of the rounds. */
import {
  type ExampleSource,
  localStart,
  openExamplesFolder,
  parseFeatureContract,
  type TrainingRuntime,
  type TrainingSession,
} from '@starling/engine';
import { float32FromBytes } from '@starling/federation';
import type { ArtifactStore } from '../artifacts/index.js';
import type { ArtifactRef } from '../ids.js';
import type { PreparedTask } from '../runner/prepared-task.js';
import type { Metric } from '../runs/index.js';
import { createSerialQueue } from '../serial-queue.js';
import { loadPlan } from './plan.js';

export interface CentralEvaluator {
  /** The checkpoint's metrics. Rejects where examples or plan cannot be read, or a metric is not a finite number. */
  evaluate(task: PreparedTask, checkpoint: ArtifactRef, signal: AbortSignal): Promise<readonly Metric[]>;
  close(): Promise<void>;
}

interface Prepared {
  readonly session: TrainingSession;
  /** What devices that keep a part of the model to themselves start from: this one has nothing of its own. */
  readonly local: Float32Array | undefined;
  readonly examples: ExampleSource;
}

export interface CentralEvaluatorOptions {
  readonly artifacts: ArtifactStore;
  readonly runtime: TrainingRuntime;
}

export function createCentralEvaluator({ artifacts, runtime }: CentralEvaluatorOptions): CentralEvaluator {
  const queue = createSerialQueue();
  let loaded: { readonly of: PreparedTask; readonly prepared: Prepared } | undefined;

  /** One task's session and examples at a time: they are the largest thing that the coordinator holds. */
  const prepare = async (task: PreparedTask): Promise<Prepared> => {
    if (loaded?.of === task) return loaded.prepared;
    await loaded?.prepared.session.release();
    loaded = undefined;
    if (task.centralExamplesFolder === null) throw new Error(`task ${task.name} has no central examples`);
    const contract = parseFeatureContract(task.featureContractJson);
    const examples = await openExamplesFolder(task.centralExamplesFolder, contract);
    const plan = await loadPlan(artifacts, task.planManifest);
    const session = await runtime.load(plan);
    loaded = { of: task, prepared: { session, examples, local: localStart(plan) } };
    return loaded.prepared;
  };

  return {
    evaluate: (task, checkpoint, signal) =>
      queue.run(async () => {
        signal.throwIfAborted();
        const { session, examples, local } = await prepare(task);
        const parameters = float32FromBytes(await artifacts.load(checkpoint.sha256), task.parameterCount);
        const { weight, sums } = await session.evaluate({
          parameters,
          examples,
          signal,
          ...(local && { local }),
        });
        return Object.entries(sums).map(([name, sum]) => {
          const value = sum / weight;
          if (!Number.isFinite(value)) throw new Error(`${name} is ${value} over ${weight} examples`);
          return { name, value, source: 'central', weight };
        });
      }),
    close: () =>
      queue.run(async () => {
        await loaded?.prepared.session.release();
        loaded = undefined;
      }),
  };
}
