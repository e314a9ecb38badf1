/** Prints by how many bytes the process grows, at its peak, and that peak, when it loads a plan, trains and evaluates. Argument: the case. */
import { readFileSync } from 'node:fs';
import {
  buildModel,
  compilePlan,
  type ExampleSource,
  initializeParameters,
  onnxruntimeTraining,
  type Plan,
  parseModel,
} from '@starling/engine';
import { memoryExamples } from '../training/examples.js';
import { fineTuningCases, trainingCases } from '../training/models/index.js';
import { planOptions } from './options.js';

/** Most resident memory that this process ever had. */
function peakBytes(): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

async function trainAndEvaluate(
  plan: Plan,
  parameters: Float32Array,
  examples: ExampleSource,
): Promise<void> {
  const session = await onnxruntimeTraining.load(plan);
  await session.train({ parameters, examples, epochs: 1, learningRate: 0.01, seed: 1 });
  await session.evaluate({ parameters, examples });
  await session.release();
}

// ONNX Runtime itself, which a training agent has anyway, is there before.
const smallest = buildModel(
  parseModel({ kind: 'sequential', inputShape: [1], layers: [{ kind: 'dense', units: 2 }] }),
);
const smallestPlan = compilePlan(smallest, { ...planOptions, batchSize: 1 });
await trainAndEvaluate(smallestPlan, new Float32Array(4), memoryExamples(smallestPlan.manifest, 1));

const { model, vocabulary } = { ...trainingCases, ...fineTuningCases }[process.argv[2]];
const definition = model();
const trainable = 'forward' in definition ? definition : buildModel(definition);
const plan = compilePlan(trainable, planOptions);
const parameters = initializeParameters(trainable, 1);
const { batchSize, chunkSteps } = plan.manifest;
const examples = memoryExamples(plan.manifest, batchSize * Math.min(2 * chunkSteps, 200), vocabulary);
globalThis.gc?.();
const before = peakBytes();
await trainAndEvaluate(plan, parameters, examples);
process.stdout.write(`${peakBytes() - before} ${peakBytes()}\n`);
