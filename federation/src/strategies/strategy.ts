import type { StrategyDefinition } from './definition.js';
import { StrategyError } from './errors.js';

/** What a strategy remembers from round to round; see `state-bytes.ts` for its stored form. */
export interface StrategyState {
  readonly kind: StrategyDefinition['kind'];
  /** The last round applied, or -1. */
  readonly round: number;
  readonly parameterCount: number;
  /** Vectors `[parameterCount]` in the order the strategy's file names: none, a first moment, a second. */
  readonly moments: readonly Float32Array[];
}

/** A round's outcome. */
export interface StrategyStep {
  readonly state: StrategyState;
  /** The next checkpoint: `[parameterCount]`. */
  readonly checkpoint: Float32Array;
}

/** A server optimizer: pure, so that the same rounds give the same checkpoints bit for bit. */
export interface Strategy {
  readonly definition: StrategyDefinition;
  /** The state before the first round. */
  initialize(parameterCount: number): StrategyState;
  /**
   * The checkpoint after `round` and the state to keep; the arguments stay as they were. `meanDelta` is the weighted
   * mean of the round's deltas, which the paper's pseudo-gradient is the negative of. Arithmetic is f64, rounded to f32
   * where it is kept. Throws `StrategyError` `wrong-length`, `wrong-state`, `round-already-applied` or `not-finite`.
   */
  apply(state: StrategyState, checkpoint: Float32Array, meanDelta: Float32Array, round: number): StrategyStep;
}

/** The vectors one step reads and writes; all `[parameterCount]`. */
export interface StepVectors {
  readonly checkpoint: Float32Array;
  readonly meanDelta: Float32Array;
  readonly moments: readonly Float32Array[];
  readonly nextCheckpoint: Float32Array;
  readonly nextMoments: readonly Float32Array[];
}

/**
 * A strategy from its arithmetic alone: `initialMoments` has the value each moment starts with, `step` fills the
 * `next` vectors.
 */
export function strategyFrom(
  definition: StrategyDefinition,
  initialMoments: readonly number[],
  step: (vectors: StepVectors) => void,
): Strategy {
  const { kind } = definition;
  return {
    definition,
    initialize(parameterCount) {
      const moments = initialMoments.map((value) => new Float32Array(parameterCount).fill(value));
      return { kind, round: -1, parameterCount, moments };
    },
    apply(state, checkpoint, meanDelta, round) {
      checkApplicable(kind, state, checkpoint, meanDelta, round);
      const { parameterCount, moments } = state;
      const nextCheckpoint = new Float32Array(parameterCount);
      const nextMoments = moments.map(() => new Float32Array(parameterCount));
      step({ checkpoint, meanDelta, moments, nextCheckpoint, nextMoments });
      checkOutcome(kind, round, nextCheckpoint, nextMoments);
      return {
        state: { kind, round, parameterCount, moments: nextMoments },
        checkpoint: nextCheckpoint,
      };
    },
  };
}

function checkApplicable(
  kind: string,
  state: StrategyState,
  checkpoint: Float32Array,
  meanDelta: Float32Array,
  round: number,
): void {
  if (state.kind !== kind) {
    throw new StrategyError(
      'wrong-state',
      `the state is of ${state.kind}, the strategy is ${kind}; a run keeps the strategy it started with`,
    );
  }
  for (const [what, vector] of [
    ['checkpoint', checkpoint],
    ['mean delta', meanDelta],
  ] as const) {
    if (vector.length !== state.parameterCount) {
      throw new StrategyError(
        'wrong-length',
        `the ${what} has ${vector.length} elements, the strategy's state is of ${state.parameterCount} parameters`,
      );
    }
  }
  if (!Number.isSafeInteger(round) || round <= state.round) {
    throw new StrategyError(
      'round-already-applied',
      `round ${round} cannot follow round ${state.round}: each round is applied once, in order`,
    );
  }
}

function checkOutcome(
  kind: string,
  round: number,
  checkpoint: Float32Array,
  moments: readonly Float32Array[],
): void {
  for (const vector of [checkpoint, ...moments]) {
    const index = vector.findIndex((value) => !Number.isFinite(value));
    if (index !== -1) {
      throw new StrategyError(
        'not-finite',
        `round ${round} of ${kind} would make parameter ${index} ${vector[index]}; lower serverLearningRate or the devices' learning rate`,
      );
    }
  }
}
