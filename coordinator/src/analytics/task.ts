import { type AnalyticsQuery, float32Encoding, vectorLength } from '@starling/federation';
import type { PreparedTask } from '../runner/index.js';

/**
 * The task as a question makes it: the vectors of answers take the place of updates, all weigh the same, and nothing
 * goes along with them. With no question it is the task itself.
 */
export function analyticsTask(task: PreparedTask, query: AnalyticsQuery | null): PreparedTask {
  if (query === null) return task;
  const parameterCount = vectorLength(query);
  return {
    ...task,
    analytics: query,
    parameterCount,
    encoding: float32Encoding,
    strategy: { kind: 'fedavg', weighting: 'uniform', serverLearningRate: 1 },
    updateMetricNames: [],
    initialParameters: () => new Float32Array(parameterCount),
    centralExamplesFolder: null,
  };
}
