/** How a round's mean delta becomes the next checkpoint. */
export * from './algorithms/index.js';
export {
  type FedAdagrad,
  type FedAdam,
  type FedAvg,
  type FedAvgM,
  type FedProx,
  type FedYogi,
  proximalMuOf,
  type StrategyDefinition,
} from './definition.js';
export { StrategyError, type StrategyErrorCode } from './errors.js';
export type { NumberField } from './fields.js';
export { parseStrategy } from './parse.js';
export { fieldsOf, isStrategyKind, strategyFields, strategyKinds, strategyOf } from './registry.js';
export * from './robust/index.js';
export { restoreStrategyState, serializeStrategyState } from './state-bytes.js';
export type { Strategy, StrategyState, StrategyStep } from './strategy.js';
export { type Weighting, weightings, weightOf } from './weighting.js';
