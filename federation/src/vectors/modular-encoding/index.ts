/** Updates, weights and metrics as one vector of integers that can be summed under masks. */
export { decodeSum, type EncodingReport, type ModularSum } from './decode.js';
export {
  type EncodedContribution,
  type EncodingChance,
  encodeContribution,
  type LatticeNoise,
  type ModularContribution,
} from './encode.js';
export { computeRing, type ModularLayout, type RingRequest } from './layout.js';
export { createRotation, type Rotation, rotate, rotateBack } from './rotation.js';
export type { HadamardRotation, ModularEncoding, ModularMetric, NoRotation } from './settings.js';
export { type WrapBudget, wrapBudget } from './wrap-budget.js';
