/** The coordinator's side of secure aggregation in a round: what devices said, and what they are told next. */
export type { StageMessage } from './messages.js';
export type { ProtocolState } from './protocol.js';
export { createSecureSession, type SecureSession } from './session.js';
export { type OpenedSum, openSum } from './unmask.js';
export {
  advertisedKeysOf,
  collectedSignaturesMessage,
  deliveredSharesMessage,
  revealedSharesOf,
  rosterMessage,
  sharedKeysOf,
  survivorsMessage,
} from './wire.js';
