export { roundToPayFor } from './between-rounds.js';
export type { MetricsMeasured, Recorded, RunEnded, RunEvent, RunStarted } from './events.js';
export { sumMetrics } from './metrics.js';
export { decideRun, type RunCommand, type RunDecision, type RunEffect, recoverRun } from './run.js';
export type {
  Metric,
  MetricSource,
  Objective,
  QuerySignature,
  RunSettings,
  StopCriteria,
} from './settings.js';
export {
  type EndedRun,
  type EvaluationDue,
  evolveRun,
  liveRound,
  type RunningRun,
  type RunState,
} from './state.js';
