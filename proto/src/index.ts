export { type CallOptions, type Connection, type ConnectOptions, connect, createClient, type ServiceClient } from './client.js';
export { CHUNK_BYTES_MAX, MESSAGE_BYTES_MAX, PROTOCOL_REVISION } from './constants.js';
export {
  type ErrorDescription,
  type ErrorStatus,
  missingField,
  requireField,
  StarlingError,
} from './error.js';
export * from './generated/artifact.js';
export * from './generated/check-in.js';
export * from './generated/enrolment.js';
export * from './generated/error.js';
export * from './generated/fleet.js';
export * from './generated/operations.js';
export * from './generated/round.js';
export { listenSecurely, type SecureListener, type SecureListenerOptions, type TlsPeer } from './secure-listener.js';
export { type ClientSecurity, COORDINATOR_NAME, type TlsIdentity } from './security.js';
export {
  type Admission,
  addService,
  type CallContext,
  type CallDescription,
  type Caller,
  createServer,
  type Handlers,
  listen,
  type ServiceOptions,
} from './server.js';
export { decodeMessage, encodeMessage, type MessageType } from './wire.js';
