/**
 * Robustness under secure aggregation: a cohort is split at random into sub-cohorts, each of which is summed under masks
 * on its own, and a robust aggregate is taken over the groups' means. The coordinator sees sums of whole groups only.
 * With G groups and f hostile devices at most f groups are spoiled, so the median and the geometric median hold while
 * 2f < G, a trimmed mean that leaves out b at each end while f ≤ b: less than over single updates, the price of secrecy
 * (Velicheti, Xia and Koyejo 2021, "Secure Byzantine-Robust Distributed Learning via Clustering"; So et al. 2020,
 * "Byzantine-Resilient Secure Federated Learning", give the alternative of distances under secret sharing).
 */
import { shuffle } from '../../ports/entropy.js';
import { createSeededEntropy } from '../../ports/seeded-entropy.js';
import { StrategyError } from '../errors.js';
import { aggregateRobustly } from './aggregate.js';
import { columnsOf } from './columns.js';
import type { GeometricMedian, Median, TrimmedMean } from './definition.js';

/** What may be taken over groups. */
export type GroupAggregation = Median | TrimmedMean | GeometricMedian;

/**
 * Splits a cohort into `groups` of sizes that differ by one at most. Decided by the seed and the members alone: their
 * order does not matter. The seed must not be known before the cohort is chosen, or hostile devices pick their group.
 * Throws `StrategyError` `too-few-updates` where a group would have fewer than `membersMin`, `invalid-field` for a
 * number of groups that is no positive integer.
 */
export function partitionCohort<Id extends string>(
  cohort: readonly Id[],
  groups: number,
  membersMin: number,
  seed: string,
): Id[][] {
  if (!Number.isSafeInteger(groups) || groups < 1) {
    throw new StrategyError('invalid-field', `groups must be an integer from 1 on, got ${groups}`, 'groups');
  }
  if (Math.floor(cohort.length / groups) < membersMin) {
    throw new StrategyError(
      'too-few-updates',
      `${cohort.length} devices in ${groups} groups leave fewer than ${membersMin} to a group, whose sum would say too much of each; make fewer groups or a cohort of ${groups * membersMin}`,
      'groups',
    );
  }
  const order = shuffle(createSeededEntropy(`groups/${seed}`), [...cohort].sort());
  const parts = Array.from({ length: groups }, (): Id[] => []);
  for (const [index, member] of order.entries()) parts[index % groups].push(member);
  return parts;
}

/** A group's sum after unmasking. */
export interface GroupMean {
  /** Weighted mean of the group's updates: `[parameterCount]`. */
  readonly mean: Float32Array;
  /** Sum of the group's weights, positive. */
  readonly weight: number;
}

/**
 * The robust aggregate over groups' means: `[parameterCount]`. Groups in any order give the same up to rounding. Rejects
 * with `StrategyError` `too-few-updates` or `wrong-length`.
 */
export async function aggregateGroups(
  aggregation: GroupAggregation,
  groups: readonly GroupMean[],
): Promise<Float32Array> {
  return aggregateRobustly(
    aggregation,
    columnsOf(
      groups.map(({ mean }) => mean),
      groups.map(({ weight }) => weight),
    ),
  );
}
