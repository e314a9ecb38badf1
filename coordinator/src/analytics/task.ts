import {
  type AnalyticsQuery,
  computeRing,
  countsOnly,
  float32Encoding,
  type ModularEncoding,
  type SecureRoundSettings,
  vectorLength,
  vectorNormMax,
} from '@starling/federation';
import type { PrivacySettings } from '../privacy/index.js';
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
  const privacy = task.runSettings.privacy?.kind;
  return {
    ...task,
    analytics: query,
    querySignature,
    parameterCount,
    encoding: float32Encoding,
    secure: task.secure && { ...task.secure, analyze: underMasks(task.secure.analyze, query, privacy) },
    strategy: { kind: 'fedavg', weighting: 'uniform', serverLearningRate: 1 },
    updateMetricNames: [],
    initialParameters: () => new Float32Array(parameterCount),
    centralExamplesFolder: null,
  };
}

/** How answers of the task's cohort are summed under masks. */
export function underMasks(
  settings: SecureRoundSettings,
  query: AnalyticsQuery,
  privacy: PrivacySettings['kind'] | undefined,
): SecureRoundSettings {
  const layout = computeRing({
    encoding: encodingOf(query, privacy),
    parameterCount: vectorLength(query),
    cohort: settings.layout.cohort,
    weightMaximum: 1,
    metrics: [],
    reports: false,
  });
  return { ...settings, weighting: 'uniform', layout };
}

/** As finely as rings allow. */
const finestBits = 16;
/** Under noise of the devices finer steps say nothing. */
const noisyBits = 8;

/** Answers without noise are short and wanted exactly; noise is made for rotated ones, whose rounding costs it least. */
function encodingOf(query: AnalyticsQuery, privacy: PrivacySettings['kind'] | undefined): ModularEncoding {
  const clipNorm = vectorNormMax(query);
  if (privacy !== undefined) {
    const bits = privacy === 'distributed' ? noisyBits : finestBits;
    return { bits, clipNorm, rotation: { kind: 'hadamard', agreement: 1 } };
  }
  // A step of 1 rounds no count; where so many values do not fit, and for moments, steps are as fine as they can be.
  const wholeBits = Math.max(2, 2 + Math.floor(Math.log2(query.valuesMax)));
  const isExact = countsOnly(query) && wholeBits <= finestBits;
  const bits = isExact ? wholeBits : finestBits;
  const elementMaximum = isExact ? 2 ** (bits - 1) - 1 : query.valuesMax;
  // A little room, so that nobody's counts are scaled down for the last digit of a norm.
  return { bits, clipNorm: clipNorm * (1 + 2 ** -20), rotation: { kind: 'none', elementMaximum } };
}
