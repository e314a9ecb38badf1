/** What a task's rounds fold updates into: the running sum, or, for a robust aggregate, the updates themselves. */
import type { FoldingSum, RoundSums } from '../aggregation/index.js';
import type { RoundKey } from '../ids.js';
import type { PartialSum } from '../rounds/index.js';
import type { PreparedTask } from './prepared-task.js';

type UpdatesOf = Pick<PreparedTask, 'strategy' | 'parameterCount' | 'encoding'>;

/** As of `partialSum`, or of no updates. Rejects where what it names is missing or damaged. */
export function openUpdates(
  sums: RoundSums,
  { strategy, parameterCount, encoding }: UpdatesOf,
  key: RoundKey,
  partialSum: PartialSum | null,
): Promise<FoldingSum> {
  return strategy.aggregation === undefined
    ? sums.open(key, partialSum, parameterCount, encoding)
    : sums.openKept(key, partialSum, parameterCount, encoding);
}

/** The robust aggregate of a round's counted updates; `undefined` where the task takes the mean. */
export async function robustDelta(
  sums: RoundSums,
  { strategy, parameterCount, encoding }: UpdatesOf,
  key: RoundKey,
  partialSum: PartialSum | null,
): Promise<Float32Array | undefined> {
  if (strategy.aggregation === undefined) return undefined;
  const kept = await sums.openKept(key, partialSum, parameterCount, encoding);
  return kept.aggregate(strategy.aggregation);
}
