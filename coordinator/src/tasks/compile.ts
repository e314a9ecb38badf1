import { isDeepStrictEqual } from 'node:util';
import {
  compilePlan,
  initializeParameters,
  ModelError,
  OnnxError,
  type Plan,
  type PlanManifest,
} from '@starling/engine';
import { proximalMuOf } from '@starling/federation';
import { CoordinatorError, refusal } from '../errors.js';
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
    initialParameters: (seed) => initializeParameters(model, seed),
  };
}

/**
 * What a run of a stored task starts from, `[parameterCount]`. The model is read when a run starts and not before: a coordinator that
 * starts again needs no model's file. Throws a `CoordinatorError` MODEL_CHANGED where it is gone, or has other parameters than the
 * plan that was compiled of it.
 */
export function initialParametersOf(
  definition: TaskDefinition,
  { parameters }: Pick<PlanManifest, 'parameters'>,
): CompiledTask['initialParameters'] {
  return (seed) => {
    const model = readAgain(definition);
    if (!isDeepStrictEqual(model.parameters, parameters))
      throw changed(definition, 'has other parameters now');
    return initializeParameters(model, seed);
  };
}

function readAgain(definition: TaskDefinition): ReturnType<typeof modelOf> {
  try {
    return modelOf(definition);
  } catch (error) {
    if (!(error instanceof OnnxError || error instanceof ModelError)) throw error;
    throw changed(definition, `cannot be read any more: ${error.message}`);
  }
}

const changed = ({ name }: TaskDefinition, problem: string): CoordinatorError =>
  new CoordinatorError(
    refusal(
      'failed-precondition',
      'MODEL_CHANGED',
      `The model that task ${name} was applied with ${problem}.`,
      'Put its file back, or apply the task again with the model as it is now.',
    ),
  );
