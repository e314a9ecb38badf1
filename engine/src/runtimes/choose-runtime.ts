/** Which runtime a plan is trained on. */
import type { PlanManifest } from '../plan/manifest.js';
import { canLoadOnnxruntime, type RuntimeName, runtimeNames } from './available.js';
import { onnxruntimeTraining } from './onnxruntime-training.js';
import type { TrainingRuntime } from './runtime.js';
import { tfjsTraining } from './tfjs/tfjs-training.js';

const runtimes: Readonly<Record<RuntimeName, TrainingRuntime>> = {
  onnxruntime: onnxruntimeTraining,
  tfjs: tfjsTraining,
};

/** The first of `available` that a plan with these requirements takes; undefined where it takes none of them. */
export function chooseRuntime(
  { runtime }: Pick<PlanManifest['requires'], 'runtime'>,
  available: readonly string[],
): RuntimeName | undefined {
  return runtimeNames.find((name) => (runtime === 'any' || runtime === name) && available.includes(name));
}

/** Training on the runtime that each plan requires; where it takes any, on ONNX Runtime if that can be loaded. */
export const plannedTraining: TrainingRuntime = {
  name: 'as plans require',
  async load(plan, options) {
    const { runtime } = plan.manifest.requires;
    const any = async (): Promise<RuntimeName> => ((await canLoadOnnxruntime()) ? 'onnxruntime' : 'tfjs');
    return runtimes[runtime === 'any' ? await any() : runtime].load(plan, options);
  },
};
