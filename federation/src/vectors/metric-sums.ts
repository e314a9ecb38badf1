import { VectorError } from './errors.js';

/** Sums over examples; a mean is `sums[name] / weight`. */
export interface MetricSums {
  /** Sum of the example weights: the number of examples where all weigh 1. */
  readonly weight: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** Sums are rounded to multiples of 2^-20, so that below 2^33 they are exact and independent of their order. */
const rounder = 1.5 * 2 ** 32;
const rounderRange = 2 ** 31;

function quantize(sum: number): number {
  return Math.abs(sum) <= rounderRange ? sum + rounder - rounder : sum;
}

/** Sums of no examples of the named metrics. */
export function emptyMetricSums(names: readonly string[]): MetricSums {
  return { weight: 0, sums: Object.fromEntries(names.map((name) => [name, 0])) };
}

/**
 * The sums of both together, each added sum rounded to a multiple of 2^-20. Throws `VectorError` `invalid-metrics` when
 * they do not name the same metrics, a sum is not finite or a weight is negative or not finite.
 */
export function mergeMetricSums(total: MetricSums, added: MetricSums): MetricSums {
  const names = Object.keys(total.sums);
  const unknown = Object.keys(added.sums).filter((name) => !Object.hasOwn(total.sums, name));
  if (unknown.length > 0) {
    throw new VectorError(
      'invalid-metrics',
      `unknown metrics: ${unknown.join(', ')}; expected are ${names.join(', ')}`,
    );
  }
  if (!(added.weight >= 0 && added.weight < Number.POSITIVE_INFINITY)) {
    throw new VectorError('invalid-metrics', `the weight of the metrics is ${added.weight}`);
  }
  const sums = names.map((name): [string, number] => {
    const sum = Object.hasOwn(added.sums, name) ? added.sums[name] : Number.NaN;
    if (!Number.isFinite(sum)) {
      throw new VectorError('invalid-metrics', `the sum of the metric "${name}" is missing or not finite`);
    }
    return [name, total.sums[name] + quantize(sum)];
  });
  return { weight: total.weight + quantize(added.weight), sums: Object.fromEntries(sums) };
}

/** The mean of every metric; empty when there was no weight. */
export function metricMeans({ weight, sums }: MetricSums): Record<string, number> {
  if (weight === 0) return {};
  return Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / weight]));
}

/** What a device says of its training beside the update itself, and the totals of several. */
export interface Contribution {
  readonly devices: number;
  readonly exampleCount: number;
  readonly metrics: MetricSums;
}

/** The totals of both together; throws what `mergeMetricSums` throws. */
export function mergeContributions(total: Contribution, added: Contribution): Contribution {
  return {
    devices: total.devices + added.devices,
    exampleCount: total.exampleCount + added.exampleCount,
    metrics: mergeMetricSums(total.metrics, added.metrics),
  };
}
