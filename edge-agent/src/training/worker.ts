/** Training as the loop asks for it. What is heavy is loaded with the first assignment: a waiting agent stays small. */
import type { RuntimeOptions, TrainingRuntime } from '@starling/engine';
import type { Clock, Entropy } from '@starling/federation';
import type { WorkLimits } from '../connection/read-assignment.js';
import type { Worker } from '../connection/worker.js';
import type { TaskExamples } from '../examples/task-examples.js';
import type { LocalStore } from '../state/local-store.js';
import type { UpdateStore } from '../state/update-store.js';
import type { ArtifactCache, Download } from './artifact-cache.js';
import type { Workshop } from './compute.js';
import { modelNeeded } from './model-needed.js';
import { createSessions } from './sessions.js';

export interface WorkerOptions {
  readonly cache: ArtifactCache;
  readonly download: Download;
  readonly examples: TaskExamples;
  readonly updates: UpdateStore;
  readonly locals: LocalStore;
  readonly clock: Clock;
  readonly limits: WorkLimits;
  readonly entropy: Entropy;
  readonly mask: Workshop['mask'];
  /** What plans require where it is absent. */
  readonly runtime: TrainingRuntime | undefined;
  /** Names of the runtimes that this device has. */
  readonly runtimes: () => Promise<readonly string[]>;
  readonly runtimeOptions: RuntimeOptions;
  /** Most bytes that a plan may say it needs; any where it is absent. */
  readonly memoryBytesMax: number | undefined;
}

export interface OwnedWorker extends Worker {
  /** Frees the loaded plan. */
  release(): Promise<void>;
}

export function createWorker(options: WorkerOptions): OwnedWorker {
  const { cache, download, examples, updates, locals, clock, limits, entropy, mask } = options;
  const { runtime = lazyTraining, runtimes, runtimeOptions, memoryBytesMax } = options;
  const sessions = createSessions(runtime, runtimeOptions, { runtimes, memoryBytesMax });
  return {
    taskNames: examples.taskNames,
    async fetch(assignment, signal) {
      const needed = modelNeeded(assignment);
      if (needed === undefined) return;
      const { fetchWork } = await later.fetchPlan();
      await fetchWork(needed, cache, download, limits, signal);
    },
    async compute(assignment, signal) {
      const { compute } = await later.compute();
      const workshop = { cache, examples, sessions, updates, locals, clock, limits, entropy, mask };
      return compute(workshop, assignment, signal);
    },
    payload: (update, offset) => updates.read(update, offset),
    discard: (update) => updates.discard(update),
    async explain(error, during) {
      const { workFailure } = await later.failureReason();
      return workFailure(error, during);
    },
    release: () => sessions.release(),
  };
}

/** What is loaded when a device first has work. */
export const later = {
  fetchPlan: () => import('./fetch-plan.js'),
  compute: () => import('./compute.js'),
  failureReason: () => import('./failure-reason.js'),
};

const lazyTraining: TrainingRuntime = {
  name: 'as plans require',
  async load(plan, options) {
    const { plannedTraining } = await import('./runtime.js');
    return plannedTraining.load(plan, options);
  },
};
