import {
  type AnalyticsQuery,
  computeRing,
  float32Encoding,
  type SecureRoundSettings,
  vectorLength,
  vectorNormMax,
} from '@starling/federation';
import type { PreparedTask } from '../runner/index.js';
import type { RunSettings } from '../runs/index.js';

/**
 * The task as a question makes it: the vectors of answers take the place of updates, all weigh the same, and nothing
 * goes along with them. With no question it is the task itself.
 */
export function analyticsTask(
  task: PreparedTask,
  { analytics: query, querySignature }: Pick<RunSettings, 'analytics' | 'querySignature'>,
): PreparedTask {
  if (query === null) return task;
  const parameterCount = vectorLength(query);
  const isNoisy = task.runSettings.privacy?.kind === 'distributed';
  return {
    ...task,
    analytics: query,
    querySignature,
    parameterCount,
    encoding: float32Encoding,
    secure: task.secure && { ...task.secure, analyze: underMasks(task.secure.train, query, isNoisy) },
    strategy: { kind: 'fedavg', weighting: 'uniform', serverLearningRate: 1 },
    updateMetricNames: [],
    initialParameters: () => new Float32Array(parameterCount),
    centralExamplesFolder: null,
  };
}

/** As finely as rings allow: answers are short, and their counts are wanted to the digit. */
const exactBits = 16;
/** Under noise of the devices finer steps say nothing. */
const noisyBits = 8;

/** How answers of the task's cohort are summed under masks. */
export function underMasks(
  train: SecureRoundSettings,
  query: AnalyticsQuery,
  isNoisy: boolean,
): SecureRoundSettings {
  const layout = computeRing({
    encoding: {
      bits: isNoisy ? noisyBits : exactBits,
      clipNorm: vectorNormMax(query),
      rotation: { kind: 'hadamard', agreement: 1 },
    },
    parameterCount: vectorLength(query),
    cohort: train.layout.cohort,
    weightMaximum: 1,
    metrics: [],
    reports: false,
  });
  return { ...train, weighting: 'uniform', layout };
}
