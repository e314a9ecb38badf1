import type { InferenceSession as OrtSession } from 'onnxruntime-node';
import type { Plan, PlanManifest } from '../plan/index.js';
import { planFileNames } from '../plan/names.js';
import { verifyPlan } from '../plan/verify.js';
import { chooseThreads } from './choose-threads.js';
import { ChunkBuffers } from './chunk-buffers.js';
import { RuntimeError } from './errors.js';
import { runEvaluation } from './onnxruntime-evaluate.js';
import { createSession, TaskQueue } from './onnxruntime-session.js';
import { runTraining, type TrainSessions } from './onnxruntime-train.js';
import type { TrainingRuntime, TrainingSession } from './runtime.js';

/** Training on stock ONNX Runtime: a chunk of steps is one call. */
export const onnxruntimeTraining: TrainingRuntime = {
  name: 'onnxruntime',
  async load(plan, options) {
    verifyPlan(plan);
    const { manifest } = plan;
    const { threads: threadsMax = 1, now } = options ?? {};
    const threads =
      threadsMax > 1 && now !== undefined ? await chooseThreads(plan, threadsMax, now) : threadsMax;
    const session = (name: string): Promise<OrtSession> =>
      createSession(name, fileOf(plan, name), {
        threads,
        training: true,
        memoryPattern: name === planFileNames.trainBlocks,
      });
    const steps = await session(planFileNames.train);
    const blocks = manifest.blockSteps === undefined ? undefined : await session(planFileNames.trainBlocks);
    const evaluate = await session(planFileNames.evaluate);
    return trainingSession(manifest, { steps, blocks }, evaluate);
  },
};

function fileOf(plan: Plan, name: string): Uint8Array {
  const bytes = plan.files.get(name);
  if (bytes === undefined) {
    throw new RuntimeError('runtime/load', `the plan lacks its file ${name}; fetch it again`);
  }
  return bytes;
}

function trainingSession(
  manifest: PlanManifest,
  train: TrainSessions,
  evaluate: OrtSession,
): TrainingSession {
  const queue = new TaskQueue();
  const buffers = new ChunkBuffers(manifest);
  let released = false;
  const enqueue = <T>(task: () => Promise<T>): Promise<T> =>
    queue.run(async () => {
      if (released) {
        throw new RuntimeError('runtime/released', 'the session has been released; load the plan again');
      }
      return task();
    });
  return {
    train: (options) => enqueue(() => runTraining(manifest, train, buffers, options)),
    evaluate: (options) => enqueue(() => runEvaluation(manifest, evaluate, buffers, options)),
    release: () =>
      queue.run(async () => {
        if (released) return;
        released = true;
        await train.steps.release();
        await train.blocks?.release();
        await evaluate.release();
      }),
  };
}
