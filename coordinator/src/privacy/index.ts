/** Differential privacy of rounds: what they promise, what they pay, and the coordinator's own noise. */
export { createLedgers, type LedgerEntry, type LedgerStore, type Ledgers, ledgerOf } from './ledgers.js';
export { measureClipping, withCentralNoise } from './noise.js';
export { underPrivacy } from './secure-rounds.js';
export {
  type ClippingMeasured,
  type PrivacySettings,
  type RoundPayment,
  type RoundPrivacy,
  roundPrivacyOf,
  withinBoundMetric,
} from './settings.js';
export { privacyTerms } from './terms.js';
