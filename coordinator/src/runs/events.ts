/** What happened in a run, beside what happened in its rounds. */
import type { ArtifactRef, RunId, TaskName } from '../ids.js';
import type { RoundEvent } from '../rounds/index.js';
import type { Metric, RunSettings } from './settings.js';

export interface RunStarted {
  readonly kind: 'run-started';
  readonly atMs: number;
  readonly runId: RunId;
  readonly taskName: TaskName;
  readonly taskVersion: number;
  /** 32 bits; decides initial parameters, cohort selection and every device's seed. */
  readonly seed: number;
  readonly settings: RunSettings;
  /** The initial parameters. */
  readonly checkpoint: ArtifactRef;
}

export interface MetricsMeasured {
  readonly kind: 'metrics-measured';
  readonly atMs: number;
  /** Number of committed rounds the measured checkpoint has. */
  readonly round: number;
  readonly metrics: readonly Metric[];
}

/** A measurement that was due and will not come; the run does not wait for it. */
export interface EvaluationSkipped {
  readonly kind: 'evaluation-skipped';
  readonly atMs: number;
  readonly round: number;
  readonly source: 'federated' | 'central';
  readonly reason: string;
}

export interface RunEnded {
  readonly kind: 'run-ended';
  readonly atMs: number;
  readonly state: 'stopped' | 'completed' | 'failed';
  readonly reason: string;
}

export interface RunResumed {
  readonly kind: 'run-resumed';
  readonly atMs: number;
  /** Number of committed rounds after which the run now completes. */
  readonly rounds: number;
}

export type RunEvent = RoundEvent | RunStarted | MetricsMeasured | EvaluationSkipped | RunEnded | RunResumed;

/** An event with its position in the run's log, counted from 1. */
export interface Recorded {
  readonly sequence: number;
  readonly event: RunEvent;
}
