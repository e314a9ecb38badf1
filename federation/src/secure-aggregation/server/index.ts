/** The coordinator's side of a round: for each stage a state, `receive…` for messages, `close…` for its end. */
export type { ServerCohort, Slots } from './cohort.js';
export { type CollectingKeys, closeKeys, collectKeys, receiveKeys, rosterFor } from './collect-keys.js';
export { type CollectingReveals, receiveReveal } from './collect-reveals.js';
export { type CollectingShares, closeShares, receiveShares, sharesFor } from './collect-shares.js';
export {
  type CollectingSignatures,
  closeSignatures,
  receiveSignature,
  signaturesFor,
} from './collect-signatures.js';
export { type CollectingUpdates, closeUpdates, receiveUpdate } from './collect-updates.js';
export { canUnmask, closeReveals, type Unmasking } from './unmask.js';
export type { Abandoned, AbandonmentCode, Receipt, RejectionCode } from './verdict.js';
