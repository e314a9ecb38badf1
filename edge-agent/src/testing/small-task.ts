/** A task small enough for a test: two numbers in, one of two classes out, learnable exactly. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildModel,
  compilePlan,
  encodeManifest,
  type FeatureContract,
  formatFeatureContract,
  initializeParameters,
  type Plan,
  parseModel,
} from '@starling/engine';
import { float32Bytes } from '@starling/federation';
import type { Assignment } from '@starling/proto';
import { onTestFinished } from 'vitest';
import type { ScriptedCoordinator } from './scripted-coordinator.js';

export const contract: FeatureContract = {
  features: [
    { name: 'x', dataType: 'float32', shape: [], range: [-1, 1], scale: 1, offset: 0 },
    { name: 'y', dataType: 'float32', shape: [], range: [-1, 1], scale: 1, offset: 0 },
  ],
  target: { kind: 'class', name: 'side', classes: 2 },
};

export interface SmallTask {
  readonly plan: Plan;
  readonly parameters: Float32Array;
}

/** A hidden layer of `units`: 5 parameters each, and 2. */
export function smallTask(units = 8): SmallTask {
  const model = parseModel({
    kind: 'sequential',
    inputShape: [2],
    layers: [{ kind: 'dense', units }, { kind: 'relu' }, { kind: 'dense', units: 2 }],
  });
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 4,
  });
  return { plan, parameters: initializeParameters(buildModel(model), 7) };
}

/** Makes plan and checkpoint downloadable and gives an assignment to train on them. */
export function offer(
  coordinator: ScriptedCoordinator,
  { plan, parameters }: SmallTask,
  changes: Partial<Assignment> = {},
): Assignment {
  for (const content of plan.files.values()) {
    coordinator.put(content);
  }
  return {
    round: { runId: 'run-1', round: 1, attempt: 1 },
    purpose: 'train',
    taskName: 'sides',
    planManifest: coordinator.put(encodeManifest(plan.manifest)),
    checkpoint: coordinator.put(float32Bytes(parameters)),
    featureContractJson: formatFeatureContract(contract),
    training: {
      epochs: 2,
      learningRate: 0.1,
      seed: 3,
      examplesMax: 0,
      encoding: { kind: { kind: 'float32', value: {} } },
    },
    evaluation: { holdoutPermille: 200 },
    deadlineMs: 60_000,
    ...changes,
  };
}

/** Removed when the running test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-agent-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Forty points, each on its side of the diagonal. */
export async function smallExamples(): Promise<string> {
  const folder = await temporaryFolder();
  const rows = Array.from({ length: 40 }, (_, index) => {
    const x = Math.sin(index * 1.7);
    const y = Math.cos(index * 2.3);
    return `${x.toFixed(4)},${y.toFixed(4)},${x > y ? 1 : 0}`;
  });
  await writeFile(join(folder, 'examples.csv'), ['x,y,side', ...rows, ''].join('\n'));
  return folder;
}
