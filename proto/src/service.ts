import type { ServiceDefinition } from '@grpc/grpc-js';
import { malformedMessage } from './error.js';
import { decodeMessage, encodeMessage, type MessageType } from './wire.js';

/** One method of a service, as generated modules describe it. */
export interface MethodDescription<Request = unknown, Response = unknown> {
  readonly kind: 'unary' | 'serverStream' | 'clientStream';
  /** `/starling.v1.RoundService/GetRoundState` */
  readonly path: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
}

export interface ServiceDescription {
  readonly name: string;
  readonly methods: { readonly [name: string]: MethodDescription };
}

export type RequestOf<Method> = Method extends { readonly request: MessageType<infer Request> }
  ? Request
  : never;
export type ResponseOf<Method> = Method extends { readonly response: MessageType<infer Response> }
  ? Response
  : never;

/**
 * gRPC moves the bytes; both ends encode and decode in their own wrappers. So a message that does not decode is an
 * outcome that is answered with a typed error, where grpc-js would answer INTERNAL by itself.
 */
export const passBytes = (data: Buffer): Buffer => data;

/** The service as grpc-js wants it, over bytes. */
export function grpcDefinition(service: ServiceDescription): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service.methods).map(([name, method]) => [
      name,
      {
        path: method.path,
        requestStream: method.kind === 'clientStream',
        responseStream: method.kind === 'serverStream',
        requestSerialize: passBytes,
        requestDeserialize: passBytes,
        responseSerialize: passBytes,
        responseDeserialize: passBytes,
      },
    ]),
  );
}

/** Throws MALFORMED_MESSAGE. */
export function decodeOrRefuse<T>(type: MessageType<T>, data: Buffer): T {
  try {
    return decodeMessage(type, data);
  } catch (error) {
    throw malformedMessage(type.name, error);
  }
}

export function encodeToBuffer<T>(type: MessageType<T>, message: T): Buffer {
  const data = encodeMessage(type, message);
  return Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
