import type { Contribution } from '../rounds/index.js';
import type { Metric, MetricSource } from './settings.js';

/**
 * Means over all examples of all contributions. Summed in the order of the device ids, so that the same contributions
 * give the same bits in whatever order they arrived. Empty where no example weighs anything.
 */
export function sumMetrics(
  contributions: Iterable<Pick<Contribution, 'metrics'> & Partial<Contribution>>,
  source: MetricSource,
): Metric[] {
  const ordered = [...contributions].sort((a, b) => ((a.deviceId ?? '') < (b.deviceId ?? '') ? -1 : 1));
  const sums = new Map<string, number>();
  let weight = 0;
  for (const { metrics } of ordered) {
    weight += metrics.weight;
    for (const [name, sum] of Object.entries(metrics.sums)) sums.set(name, (sums.get(name) ?? 0) + sum);
  }
  if (weight <= 0) return [];
  return [...sums].sort().map(([name, sum]) => ({ name, value: sum / weight, source, weight }));
}
