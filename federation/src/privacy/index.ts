/**
 * Differential privacy: what noise costs and buys (accountants, calibration), the noise itself (mechanisms), clipping
 * bounds that adapt, and the ledger that stops before the budget is exceeded.
 */
export * from './accountants/index.js';
export {
  type AdaptiveClipping,
  type AdaptiveClippingSettings,
  adaptClipping,
  startAdaptiveClipping,
  updateNoiseMultiplier,
  withinBoundBit,
} from './adaptive-clipping.js';
export {
  type Calibration,
  calibrate,
  calibrateNoise,
  type PrivacyTarget,
  type PrivacyWarning,
  privacyWarnings,
} from './calibrate.js';
export {
  addDistributedNoise,
  type DistributedNoise,
  type DistributedNoiseKind,
  deviceStddevMaximum,
  distributedMechanism,
  distributedNoiseKinds,
  type Lattice,
  latticeNorms,
  type NoiseTerms,
  planDistributedNoise,
} from './distributed.js';
export { PrivacyError, type PrivacyErrorCode } from './errors.js';
export {
  applyLedgerEvent,
  epsilonLeft,
  type LedgerEvent,
  type LedgerOpened,
  openLedger,
  type PrivacyBudget,
  type PrivacyLedger,
  type RoundSpent,
  replayLedger,
  roundsLeft,
  type SpendDecision,
  type SpendRefusal,
  spend,
} from './ledger.js';
export {
  checkMechanism,
  type DiscreteGaussianMechanism,
  type GaussianMechanism,
  type PrivacyMechanism,
  type PrivateRounds,
  type SamplingScheme,
  type SkellamMechanism,
  samplingSchemes,
} from './mechanism.js';
export * from './mechanisms/index.js';
export { withMoreRounds } from './spent.js';
