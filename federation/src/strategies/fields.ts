import type { StrategyDefinition } from './definition.js';

/** A number among a strategy's settings. */
export interface NumberField {
  readonly defaultValue: number;
  /** What is accepted, in words: "a positive number". */
  readonly accepted: string;
  accepts(value: number): boolean;
}

/** The settings of a strategy beside its kind, weighting and aggregation. */
export type StrategyFields<D extends StrategyDefinition> = {
  readonly [F in Exclude<keyof D, 'kind' | 'weighting' | 'aggregation'>]: NumberField;
};

export function positive(defaultValue: number): NumberField {
  return { defaultValue, accepted: 'a positive number', accepts: (value) => value > 0 };
}

export function nonNegative(defaultValue: number): NumberField {
  return { defaultValue, accepted: 'zero or a positive number', accepts: (value) => value >= 0 };
}

/** From 0 up to, not including, 1. */
export function fraction(defaultValue: number): NumberField {
  return {
    defaultValue,
    accepted: 'a number from 0 up to, not including, 1',
    accepts: (value) => value >= 0 && value < 1,
  };
}
