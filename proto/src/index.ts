export { isAddress } from './address.js';
export { type CallOptions, type Connection, connect, createClient, type ServiceClient } from './client.js';
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
export * from './generated/error.js';
export * from './generated/operations.js';
export * from './generated/round.js';
export {
  addService,
  type CallContext,
  createServer,
  type Handlers,
  listen,
  type ServiceOptions,
} from './server.js';
export { decodeMessage, encodeMessage, type MessageType } from './wire.js';
