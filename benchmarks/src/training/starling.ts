import {
  buildModel,
  compilePlan,
  initializeParameters,
  onnxruntimeTraining,
  type Plan,
  planFileNames,
} from '@starling/engine';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Contender, Setting } from './contender.js';
import { fillFeatures, memoryExamples } from './examples.js';
import { trainingCases } from './models/index.js';

const learningRate = 0.01;

/** Prime to the number of examples, which is a multiple of 20. */
const stride = 733;

function planOf({ model, batchSize }: Setting): Plan {
  return compilePlan(trainingCases[model].model(), {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize,
  });
}

function startOf({ model }: Setting): Float32Array {
  const definition = trainingCases[model].model();
  return initializeParameters('forward' in definition ? definition : buildModel(definition), 1);
}

/** Through plan and runtime, as an agent trains: shuffled, copied, checked, chunked. */
export async function starling(setting: Setting): Promise<Contender> {
  const plan = planOf(setting);
  const session = await onnxruntimeTraining.load(plan, {
    threads: setting.threads,
    now: () => performance.now(),
  });
  const parameters = startOf(setting);
  const examples = memoryExamples(
    plan.manifest,
    setting.exampleCount,
    trainingCases[setting.model].vocabulary,
  );
  return {
    name: 'starling',
    async measure(steps) {
      const epochs = Math.round((steps * setting.batchSize) / setting.exampleCount);
      const start = performance.now();
      await session.train({ parameters, examples, epochs, learningRate, seed: 1 });
      return (performance.now() - start) / steps;
    },
    close: () => session.release(),
  };
}

/** The same graphs and chunks in plain calls of ONNX Runtime, with inputs that are ready. */
export async function bareOnnxRuntime(setting: Setting): Promise<Contender> {
  const { manifest, files } = planOf(setting);
  const load = (name: string): Promise<InferenceSession> => {
    const bytes = files.get(name);
    if (bytes === undefined) throw new Error(`the plan has no ${name}`);
    return InferenceSession.create(bytes, {
      intraOpNumThreads: setting.threads,
      interOpNumThreads: 1,
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
  };
  const { chunkSteps, blockSteps } = manifest;
  const ofSteps = await load(planFileNames.train);
  const ofBlocks = blockSteps === undefined ? undefined : await load(planFileNames.trainBlocks);
  const parameters = new Tensor('float32', startOf(setting), [manifest.parameterCount]);
  const width = manifest.featureShape.reduce((product, axis) => product * axis, 1);
  const features = new Float32Array(setting.exampleCount * width);
  fillFeatures(features, trainingCases[setting.model].vocabulary);
  const examples = new Tensor('float32', features, [setting.exampleCount, ...manifest.featureShape]);
  const feedsOf = (steps: number): Record<string, Tensor> => {
    const shape = [steps, manifest.batchSize];
    const rows = steps * manifest.batchSize;
    // Each once an epoch, in no order that memory is read ahead in.
    const order = Int32Array.from({ length: rows }, (_, index) => (index * stride) % setting.exampleCount);
    const targets = Int32Array.from({ length: rows }, (_, index) => index % manifest.outputShape[0]);
    return {
      parameters,
      checkpoint: parameters,
      learningRate: new Tensor('float32', Float32Array.of(learningRate), []),
      examples,
      order: new Tensor('int32', order, shape),
      targets: new Tensor('int32', targets, shape),
      exampleWeights: new Tensor('float32', new Float32Array(rows).fill(1), shape),
    };
  };
  return {
    name: 'onnxruntime',
    async measure(steps) {
      const whole = ofBlocks === undefined ? 0 : steps - (steps % (blockSteps ?? 1));
      const runs = [
        ...runsOf(ofBlocks ?? ofSteps, whole, chunkSteps),
        ...runsOf(ofSteps, steps - whole, chunkSteps),
      ].map((run) => ({ ...run, feeds: feedsOf(run.steps) }));
      const start = performance.now();
      for (const { session, feeds } of runs) await session.run(feeds);
      return (performance.now() - start) / steps;
    },
    async close() {
      await ofSteps.release();
      await ofBlocks?.release();
    },
  };
}

function runsOf(session: InferenceSession, steps: number, chunkSteps: number) {
  return Array.from({ length: Math.ceil(steps / chunkSteps) }, (_, chunk) => ({
    session,
    steps: Math.min(chunkSteps, steps - chunk * chunkSteps),
  }));
}
