/** The models that this device serves, and its training, as OpenTelemetry metrics. Names of models and tasks, no contents. */
import type { Counter, Histogram, Meter } from '@opentelemetry/api';
import type { InferenceService } from '../../inference/index.js';
import type { Standing } from '../../standing/index.js';

/** 0.1 ms to 10 s, thrice a decade; those of HTTP servers begin where a small model ends. */
const secondsBounds = [-4, -3, -2, -1, 0].flatMap((power) =>
  [1, 2, 5].map((step) => Number(`${step}e${power}`)),
);
/** A second to a day. */
const trainingBounds = [1, 3, 10, 30, 100, 300, 1_000, 3_600, 10_000, 36_000, 86_400];

/** Gives its end. */
export function observeInference(
  meter: Meter,
  service: Pick<InferenceService, 'statistics' | 'observe'>,
): () => void {
  const duration = meter.createHistogram('starling.inference.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [...secondsBounds, 10] },
  });
  const counts = ['requests', 'failures', 'overloads', 'rows', 'runs'] as const;
  const counters = counts.map((name) => ({
    name,
    counter: meter.createObservableCounter(`starling.inference.${name}`, { unit: `{${name.slice(0, -1)}}` }),
  }));
  for (const { name, counter } of counters) {
    counter.addCallback((result) => {
      for (const model of service.statistics()) {
        result.observe(model[name], { 'starling.model': model.model, 'starling.version': model.version });
      }
    });
  }
  return service.observe((_request, { model, version }, latencyMs) =>
    duration.record(latencyMs / 1_000, { 'starling.model': model, 'starling.version': version }),
  );
}

export interface TrainingMetrics {
  /** To be told of each standing, the first one included. */
  stands(standing: Standing, nowMs: number): void;
}

export function observeTraining(meter: Meter): TrainingMetrics {
  const rounds: Counter = meter.createCounter('starling.training.rounds', { unit: '{round}' });
  const duration: Histogram = meter.createHistogram('starling.training.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: trainingBounds },
  });
  let before: Standing | undefined;
  meter.createObservableGauge('starling.training.active', { unit: '1' }).addCallback((result) => {
    const { kind, reasons } = before?.training ?? { kind: 'idle', reasons: [] };
    result.observe(kind === 'training' ? 1 : 0, { 'starling.paused': reasons.join(',') });
  });
  return {
    stands(standing, nowMs) {
      const { training, lastRound } = standing;
      // The first one tells of an earlier life.
      if (before !== undefined && lastRound !== null && lastRound !== before.lastRound) {
        const { task, outcome, code } = lastRound;
        rounds.add(1, { 'starling.task': task, 'starling.outcome': outcome, 'starling.code': code ?? '' });
      }
      const was = before?.training;
      if (was?.kind === 'training' && training.kind !== 'training') {
        duration.record((nowMs - was.sinceMs) / 1_000, { 'starling.task': was.work?.task ?? '' });
      }
      before = standing;
    },
  };
}
