/** What OpenTelemetry's instruments hold, as records: one a data point. */
import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { TelemetryAttribute, TelemetryRecord } from '@starling/proto';

export function metricRecords({ scopeMetrics }: ResourceMetrics, nowMs: number): readonly TelemetryRecord[] {
  return scopeMetrics.flatMap(({ metrics }) => metrics.flatMap((metric) => recordsOf(metric, nowMs)));
}

function recordsOf(metric: MetricData, timeUnixMs: number): readonly TelemetryRecord[] {
  const { name } = metric.descriptor;
  switch (metric.dataPointType) {
    case DataPointType.GAUGE:
    case DataPointType.SUM:
      return metric.dataPoints.map(({ value, attributes }) => ({
        timeUnixMs,
        name,
        attributes: attributesOf(attributes),
        value: { kind: 'number', value },
      }));
    case DataPointType.HISTOGRAM:
      return metric.dataPoints.map(({ value, attributes }) => ({
        timeUnixMs,
        name,
        attributes: attributesOf(attributes),
        value: {
          kind: 'histogram',
          value: {
            buckets: value.buckets.boundaries.map((bound, index) => ({
              bound,
              count: value.buckets.counts[index],
            })),
            countAbove: value.buckets.counts.at(-1) ?? 0,
            sum: value.sum ?? 0,
          },
        },
      }));
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      // No instrument here asks for one, and its buckets have no place in a record.
      return [];
  }
}

const attributesMax = 32;
const charactersMax = 256;

/** Primitive values alone: what else an attribute may hold is not for a record. */
export function attributesOf(attributes: Readonly<Record<string, unknown>>): readonly TelemetryAttribute[] {
  return Object.entries(attributes)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .slice(0, attributesMax)
    .map(([key, value]) => ({
      key: key.slice(0, charactersMax),
      value: String(value).slice(0, charactersMax),
    }));
}
