import { StrategyError } from './errors.js';

/** `by-examples`: an update weighs as many as the examples behind it; `uniform`: every update weighs 1. */
export type Weighting = (typeof weightings)[number];

export const weightings = ['by-examples', 'uniform'] as const;

/**
 * The weight of an update trained on `exampleCount` examples. Throws `StrategyError` `no-examples` unless that is a
 * positive integer: under either weighting, an update of nothing would only hold the others back.
 */
export function weightOf(weighting: Weighting, exampleCount: number): number {
  if (!Number.isSafeInteger(exampleCount) || exampleCount < 1) {
    throw new StrategyError(
      'no-examples',
      `an update counts from one example on, this one says ${exampleCount}`,
    );
  }
  return weighting === 'uniform' ? 1 : exampleCount;
}
