/** Trusted values for tests, parsed as the edges do. */
import {
  type ArtifactRef,
  type DeviceId,
  parseDeviceId,
  parseRunId,
  parseSha256,
  parseTaskName,
  type RunId,
  type TaskName,
} from '../ids.js';
import type { RoundSettings } from '../rounds/index.js';
import type { PreparedTask, Work } from '../runner/index.js';
import type { RunStarted } from '../runs/index.js';
import type { OwnerSignature } from '../storage/index.js';

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the test names something invalid');
  return value;
}

export const runId = (text: string): RunId => present(parseRunId(text));
export const deviceId = (text: string): DeviceId => present(parseDeviceId(text));
export const taskName = (text: string): TaskName => present(parseTaskName(text));

/** An artifact whose hash is `digit` sixty-four times. */
export function artifact(digit: string): ArtifactRef {
  return { sha256: present(parseSha256(digit.repeat(64))), sizeBytes: 4 };
}

export const roundSettings: RoundSettings = {
  updatesWanted: 3,
  overSelection: 1,
  updatesMin: 2,
  recruitTimeoutMs: 1000,
  recruitGraceMs: 100,
  collectTimeoutMs: 1000,
  collectProgressMs: 500,
  collectTimeoutMaxMs: 3000,
  secure: null,
};

export function runStarted(run: string, changes: Partial<RunStarted> = {}): RunStarted {
  return {
    kind: 'run-started',
    atMs: 0,
    runId: runId(run),
    taskName: taskName('task'),
    taskVersion: 1,
    seed: 7,
    settings: {
      rounds: 2,
      attemptsMax: 3,
      train: roundSettings,
      federatedEvaluation: null,
      centralEvaluation: null,
      privacy: null,
      analytics: null,
      stop: {},
    },
    checkpoint: artifact('0'),
    ...changes,
  };
}

/** Of a task that no device sees. */
export const unsigned: OwnerSignature = {
  ownerKey: new Uint8Array(32),
  signature: new Uint8Array(64),
  termsJson: '{}',
};

/** A task of two parameters, ready for rounds. */
export function preparedTask(changes: Partial<PreparedTask> = {}): PreparedTask {
  return {
    name: taskName('task'),
    version: 1,
    signature: unsigned,
    planManifest: artifact('1'),
    planArtifacts: [artifact('1')],
    requires: { runtime: 'onnxruntime', opset: 17 },
    memoryBytes: 1,
    parameterCount: 2,
    metricNames: ['loss', 'accuracy'],
    updateMetricNames: ['loss', 'accuracy'],
    analytics: null,
    featureContractJson: '{}',
    encoding: { kind: 'float32' },
    secure: null,
    strategy: { kind: 'fedavg', weighting: 'by-examples', serverLearningRate: 1 },
    epochs: 1,
    learningRateAt: () => 0.1,
    examplesMax: 0,
    holdoutPermille: 0,
    runSettings: runStarted('run').settings,
    initialParameters: () => new Float32Array(2),
    centralExamplesFolder: null,
    ...changes,
  };
}

/** Some work of the task's first round. */
export function workFor(task: PreparedTask): Work {
  return {
    key: { runId: runId('run'), round: 1, attempt: 1 },
    purpose: 'train',
    task,
    checkpoint: artifact('0'),
    learningRate: 0.1,
    seed: 1,
    secure: null,
    deadlineAtMs: 1000,
    privacy: null,
  };
}
