/** From the masked sums of a cohort's groups to one update: masks off each, and a robust aggregate over their means. */
import {
  aggregateGroups,
  type EncodingReport,
  type GroupAggregation,
  type GroupMean,
  nodeSuite,
  type RobustAggregation,
  type SecureRoundSettings,
  StrategyError,
  VectorError,
} from '@starling/federation';
import { groupElements, type MaskedSum } from '../aggregation/index.js';
import { assert } from '../errors.js';
import { type Aggregating, groupsOf, type MetricSums, type SecureReport } from '../rounds/index.js';
import { type OpenedSum, openSum, type ProtocolState } from '../secure-exchange/index.js';

/** The robust aggregate in place of the mean, `[parameterCount]`, and the groups' reports together. */
export async function openGroups(
  round: Aggregating,
  sum: MaskedSum,
  protocols: readonly ProtocolState[],
  { layout }: SecureRoundSettings,
  rotationSeed: Uint8Array,
  aggregation: RobustAggregation | undefined,
): Promise<OpenedSum> {
  assert(aggregation !== undefined && isOverGroups(aggregation), 'groups are made for a robust aggregate');
  const opened: (OpenedSum & { readonly count: number })[] = [];
  for (const [index, group] of groupsOf(round).entries()) {
    const count = [...group].filter((deviceId) => round.counted.has(deviceId)).length;
    const part = {
      shape: { vectorLength: layout.vectorLength, ringBits: layout.ringBits },
      elements: groupElements(sum, index),
      count,
    };
    try {
      const found = await openSum(protocols[index], part, layout, rotationSeed, nodeSuite, 'any');
      if (isPlausible(found, count, layout.weightMaximum)) opened.push({ ...found, count });
    } catch (error) {
      // A sum that is none: a hostile device spoils its own group and no other.
      if (!(error instanceof VectorError)) throw error;
    }
  }
  if (opened.length === 0) {
    throw new StrategyError('too-few-updates', 'no group has a sum that says anything', 'aggregation');
  }
  const groups = opened.map(({ mean, report }): GroupMean => ({ mean, weight: report.metrics.weight }));
  const mean = await aggregateGroups(aggregation, groups);
  return { mean, report: together(opened.map(({ report, count }) => ({ report, count }))) };
}

function isOverGroups(aggregation: RobustAggregation): aggregation is GroupAggregation {
  return 'groups' in aggregation && aggregation.groups !== undefined;
}

/** Nobody weighs more than the most, unless it does not obey: such a sum must not outweigh the others. */
function isPlausible({ mean, report }: OpenedSum, count: number, weightMaximum: number): boolean {
  return report.metrics.weight <= count * weightMaximum && mean.every(Number.isFinite);
}

function together(
  reports: readonly { readonly report: SecureReport; readonly count: number }[],
): SecureReport {
  const encodings = reports.flatMap(({ report: { encoding }, count }) =>
    encoding === null ? [] : [{ encoding, count }],
  );
  return {
    metrics: reports.map(({ report }) => report.metrics).reduce(added),
    encoding: encodings.length === 0 ? null : averaged(encodings),
  };
}

function added(a: MetricSums, b: MetricSums): MetricSums {
  const names = Object.keys(a.sums);
  return {
    weight: a.weight + b.weight,
    sums: Object.fromEntries(names.map((name) => [name, a.sums[name] + (b.sums[name] ?? 0)])),
  };
}

/** Shares of devices are means over the devices; of what may have wrapped around, the worst. */
function averaged(
  reports: readonly { readonly encoding: EncodingReport; readonly count: number }[],
): EncodingReport {
  const devices = reports.reduce((sum, { count }) => sum + count, 0);
  const mean = (value: (encoding: EncodingReport) => number): number =>
    reports.reduce((sum, { encoding, count }) => sum + count * value(encoding), 0) / devices;
  return {
    clipRate: mean(({ clipRate }) => clipRate),
    saturationRate: mean(({ saturationRate }) => saturationRate),
    quantizationError: Math.sqrt(mean(({ quantizationError }) => quantizationError ** 2)),
    metricsCutRate: mean(({ metricsCutRate }) => metricsCutRate),
    wrapRate: Math.max(...reports.map(({ encoding }) => encoding.wrapRate)),
    agreement: Math.max(...reports.map(({ encoding }) => encoding.agreement)),
  };
}
