import {
  float32Bytes,
  float32FromBytes,
  restoreStrategyState,
  type StrategyDefinition,
  serializeStrategyState,
  strategyOf,
} from '@starling/federation';
import type { ArtifactStore } from '../artifacts/index.js';
import type { ArtifactRef } from '../ids.js';

export interface Applied {
  readonly checkpoint: ArtifactRef;
  readonly strategyState: ArtifactRef | null;
}

/**
 * Makes a round's new checkpoint of the weighted mean `delta`: strategy → artifacts, both durable when this resolves. The same arguments give
 * the same artifacts, so a commit that a crash interrupted is simply made again.
 *
 * Rejects with `StrategyError` `not-finite` where the step leaves the finite numbers.
 */
export async function applyStrategy(
  artifacts: ArtifactStore,
  definition: StrategyDefinition,
  delta: Float32Array,
  before: { readonly checkpoint: ArtifactRef; readonly strategyState: ArtifactRef | null },
  round: number,
): Promise<Applied> {
  const strategy = strategyOf(definition);
  const checkpoint = float32FromBytes(await artifacts.load(before.checkpoint.sha256), delta.length);
  const state =
    before.strategyState === null
      ? strategy.initialize(delta.length)
      : restoreStrategyState(await artifacts.load(before.strategyState.sha256));
  const step = strategy.apply(state, checkpoint, delta, round);
  return {
    checkpoint: await artifacts.put('checkpoint', float32Bytes(step.checkpoint)),
    strategyState:
      step.state.moments.length === 0
        ? null
        : await artifacts.put('strategy-state', serializeStrategyState(step.state)),
  };
}
