/**
 * Secure aggregation (Bell et al. 2020), for a coordinator that may deviate: it learns the sum of the survivors' vectors
 * and nothing else of any of them. Two sides, each a chain of pure functions; messages are plain data.
 */
export * from './client/index.js';
export { type DeviceSet, deviceSet, devicesOf, hasDevice } from './device-set.js';
export { SecureAggregationError, type SecureAggregationErrorCode } from './errors.js';
export {
  corruptMaximum,
  defaultGraphRequirements,
  type GraphParameters,
  type GraphRequirements,
  graphParameters,
} from './graph/index.js';
export { type KeyPair, type KeySuite, nodeSuite, type SigningKey, tweetnaclSuite } from './keys/index.js';
export { addPacked, applyMasks, createKeyStream, type Mask } from './masks/index.js';
export type * from './messages.js';
export { type PrivacyOffer, type PrivacyPolicy, weaknessOf } from './privacy-offer.js';
export type { Outcome, Refusal, RefusalCode, RefusedClient } from './refusal.js';
export { blockElements, packedLength } from './ring/index.js';
export { keysTranscript, type TrustCertificate } from './roster.js';
export { roundHash, type SecureRound, survivorsMinimum } from './round.js';
export * from './server/index.js';
