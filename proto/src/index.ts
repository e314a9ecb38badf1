export { isAddress } from './address.js';
export {
  type CallOptions,
  type Connection,
  type ConnectOptions,
  connect,
  createClient,
  type OutgoingMessages,
  type ServiceClient,
} from './client.js';
export {
  CHUNK_BYTES_MAX,
  MESSAGE_BYTES_MAX,
  PROTOCOL_REVISION,
  UPLOAD_CHUNK_BYTES,
  UPLOAD_OWN_CONNECTION_BYTES,
} from './constants.js';
export {
  CERTIFICATE_BYTES_MAX,
  certificateExpired,
  certificateSha256,
  DEVICE_URI_PREFIX,
  type DeviceCertificate,
  parseCertificate,
  readDeviceCertificate,
  verifyDeviceCertificate,
} from './device-certificate.js';
export {
  ED25519_PUBLIC_KEY_BYTES,
  ED25519_SEED_BYTES,
  keySha256,
  privateKeyFromSeed,
  privateKeyPem,
  publicKeyFromRaw,
  rawPublicKey,
  readPrivateKey,
} from './ed25519.js';
export { type EnrolmentTokenText, formatEnrolmentToken, parseEnrolmentToken } from './enrolment-token.js';
export {
  type ErrorDescription,
  type ErrorStatus,
  missingField,
  requireField,
  StarlingError,
} from './error.js';
export { fetchAuthority } from './first-contact.js';
export * from './generated/artifact.js';
export * from './generated/check-in.js';
export * from './generated/enrolment.js';
export * from './generated/error.js';
export * from './generated/fleet.js';
export * from './generated/operations.js';
export * from './generated/privacy.js';
export * from './generated/release.js';
export * from './generated/round.js';
export * from './generated/secure-aggregation.js';
export * from './generated/telemetry.js';
export { createInProcessServer, type IncomingCall, type InProcessServer } from './in-process-server.js';
export { createServer, listen } from './listener.js';
export { canonicalTermsJson, isPlanSignature, type SignedPlan, signPlan } from './plan-signature.js';
export { isQuerySignature, queryId, type SignedQuery, signQuery } from './query-signature.js';
export { requestHash } from './request-hash.js';
export {
  listenSecurely,
  listenTls,
  type SecureListener,
  type SecureListenerOptions,
  type TlsListener,
  type TlsListenerOptions,
  type TlsPeer,
} from './secure-listener.js';
export { type ClientSecurity, COORDINATOR_NAME, type TlsIdentity } from './security.js';
export {
  type Admission,
  addService,
  type CallContext,
  type CallDescription,
  type Caller,
  type Handlers,
  type ServiceHost,
  type ServiceOptions,
} from './server.js';
export {
  allTelemetryTopics,
  deviceOfTopic,
  presenceTopic,
  telemetryTopic,
  watermarkTopic,
} from './telemetry-topics.js';
export { decodeMessage, encodeMessage, type MessageType } from './wire.js';
