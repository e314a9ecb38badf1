import type { MetricsMeasured } from './events.js';
import type { MetricSource, Objective, StopCriteria } from './settings.js';

/** The sentence that ends the run where a measurement reaches the target. */
export function targetReached(
  target: NonNullable<StopCriteria['target']>,
  event: MetricsMeasured,
): string | undefined {
  const metric = event.metrics.find((m) => m.name === target.metric && m.source === target.source);
  if (metric === undefined) return undefined;
  const reached = target.better === 'higher' ? metric.value >= target.value : metric.value <= target.value;
  return reached
    ? `${target.source} ${target.metric} reached ${shownValue(metric.value)} after round ${event.round} (target ${target.value}).`
    : undefined;
}

/** A measured value for a sentence: four digits say enough. */
export function shownValue(value: number): number {
  return Number(value.toPrecision(4));
}

/** Whether `value` is better than `best` by more than the least difference that counts. */
export function isImprovement(
  objective: Objective & { readonly minDelta: number },
  best: number | undefined,
  value: number,
): boolean {
  if (best === undefined) return true;
  const gain = objective.better === 'higher' ? value - best : best - value;
  return gain > objective.minDelta;
}

/** The sources whose measurements decide when to stop: the next round waits for these, so that a run is reproducible. */
export function decidingSources(stop: StopCriteria): ReadonlySet<MetricSource> {
  const sources = new Set<MetricSource>();
  if (stop.target !== undefined) sources.add(stop.target.source);
  if (stop.patience !== undefined) sources.add(stop.patience.source);
  return sources;
}
