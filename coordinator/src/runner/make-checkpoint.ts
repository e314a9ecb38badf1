import { type Entropy, mean } from '@starling/federation';
import { applyStrategy, type RoundSums } from '../aggregation/index.js';
import { answer } from '../analytics/index.js';
import type { ArtifactStore } from '../artifacts/index.js';
import { measureClipping, withCentralNoise } from '../privacy/index.js';
import type { Aggregating, RoundCommand } from '../rounds/index.js';
import type { RunState } from '../runs/index.js';
import type { PreparedTask } from './prepared-task.js';
import { robustDelta } from './round-updates.js';

export interface Workbench {
  readonly task: PreparedTask;
  readonly sums: RoundSums;
  readonly artifacts: ArtifactStore;
  /** Of the noise. */
  readonly entropy: Entropy;
}

type Made = Pick<
  Extract<RoundCommand, { kind: 'commit' }>,
  'checkpoint' | 'strategyState' | 'clipping' | 'analytics'
>;

/** What a round comes to: the next checkpoint, or the answer to its question. Everything it names is durable. */
export async function makeCheckpoint(
  { task, sums, artifacts, entropy }: Workbench,
  round: Aggregating,
  { strategyState, clipping }: RunState,
): Promise<Made> {
  const { checkpoint, key, purpose, privacy } = round.started;
  if (purpose === 'evaluate') return { checkpoint, strategyState };
  const robust = await robustDelta(sums, task, key, round.partialSum);
  if (robust !== undefined) {
    return applyStrategy(artifacts, task.strategy, robust, { checkpoint, strategyState }, key.round);
  }
  // From disk, not from the intake's memory: what is committed is what was acknowledged.
  const sum = await sums.open(key, round.partialSum, task.parameterCount, task.encoding);
  if (task.analytics !== null) {
    const analytics = answer(task.analytics, sum.accumulator, privacy, entropy);
    return { checkpoint, strategyState, analytics };
  }
  const before = { checkpoint, strategyState };
  if (privacy === null)
    return applyStrategy(artifacts, task.strategy, mean(sum.accumulator), before, key.round);
  const summed =
    privacy.kind === 'central' ? withCentralNoise(sum.accumulator, privacy, entropy) : sum.accumulator;
  return {
    ...(await applyStrategy(artifacts, task.strategy, mean(summed), before, key.round)),
    clipping: measureClipping(round.counted.values(), privacy, clipping, entropy),
  };
}
