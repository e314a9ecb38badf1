import { compilePlan, initializeParameters, type Plan } from '@starling/engine';
import { proximalMuOf } from '@starling/federation';
import { modelOf } from './consistency.js';
import type { TaskDefinition } from './definition.js';

/** A task with everything devices need to take part in it. */
export interface CompiledTask {
  readonly definition: TaskDefinition;
  readonly plan: Plan;
  /** Fresh parameters, `[plan.manifest.parameterCount]` in manifest order; the same seed gives the same bits. */
  readonly initialParameters: (seed: number) => Float32Array;
}

/** Throws the engine's typed errors where `definition` did not come from `parseTask`. */
export function compileTask(definition: TaskDefinition): CompiledTask {
  const model = modelOf(definition);
  const { loss, optimizer, batchSize, memoryMegabytes, runtime } = definition.training;
  const proximalMu = proximalMuOf(definition.strategy);
  return {
    definition,
    plan: compilePlan(model, {
      loss,
      optimizer,
      batchSize,
      proximalMu,
      ...(runtime === undefined ? {} : { runtime }),
      ...(memoryMegabytes === undefined ? {} : { memoryBytesMax: memoryMegabytes * 1e6 }),
    }),
    initialParameters: initialParametersOf(definition),
  };
}

/** What a run starts from, without compiling what it trains. */
export function initialParametersOf(definition: TaskDefinition): CompiledTask['initialParameters'] {
  const model = modelOf(definition);
  return (seed) => initializeParameters(model, seed);
}
