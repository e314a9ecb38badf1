import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  logVerbosity,
  type Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  setLogVerbosity,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { MESSAGE_BYTES_MAX } from './constants.js';
import { errorToStatus, StarlingError } from './error.js';
import {
  decodeOrRefuse,
  encodeToBuffer,
  grpcDefinition,
  type MethodDescription,
  type RequestOf,
  type ResponseOf,
  type ServiceDescription,
} from './service.js';
import { writeAll } from './streams.js';
import type { MessageType } from './wire.js';

/** What a handler knows about its call besides the request. */
export interface CallContext {
  /** Aborts when the caller cancels, its deadline passes or its connection breaks. */
  readonly signal: AbortSignal;
  readonly metadata: Metadata;
  /** Address of the caller. */
  readonly peer: string;
  /** Milliseconds since the Unix epoch, by this machine's clock; `Infinity` where the caller set none. */
  readonly deadlineAtMs: number;
}

/** One function for each method; throw a `StarlingError` to refuse. */
export type Handlers<Service extends ServiceDescription> = {
  readonly [Name in keyof Service['methods']]: Handler<Service['methods'][Name]>;
};

type Handler<Method> = Method extends { readonly kind: 'unary' }
  ? (request: RequestOf<Method>, context: CallContext) => Promise<ResponseOf<Method>>
  : Method extends { readonly kind: 'serverStream' }
    ? (request: RequestOf<Method>, context: CallContext) => AsyncIterable<ResponseOf<Method>>
    : (requests: AsyncIterable<RequestOf<Method>>, context: CallContext) => Promise<ResponseOf<Method>>;

export interface ServiceOptions {
  /** Told of what handlers threw that is no `StarlingError`; the caller learns only INTERNAL. */
  readonly onInternalError: (error: unknown, method: string) => void;
}

/** A gRPC server with this protocol's limits. */
export function createServer(): Server {
  // Whatever goes wrong reaches the caller as an error; grpc-js would write it to standard error as well.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
  return new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
  });
}

/** Binds to `host:port` (port 0: any free one), gives the port. Rejects with ADDRESS_UNAVAILABLE. */
export function listen(
  server: Server,
  address: string,
  credentials = ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (!error) return resolve(port);
      const description = {
        code: 'ADDRESS_UNAVAILABLE',
        status: 'failed-precondition',
        message: `Cannot listen on ${address}: ${/\[listen (.*)\]/.exec(error.message)?.[1] ?? error.message}.`,
        remedy: 'Choose another address or end the process that holds it.',
      } as const;
      reject(new StarlingError(description, { cause: error }));
    });
  });
}

/** Registers `handlers` for every method of `service`. */
export function addService<Service extends ServiceDescription>(
  server: Server,
  service: Service,
  handlers: Handlers<Service>,
  options: ServiceOptions,
): void {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service.methods)) {
    const fail = (error: unknown): ReturnType<typeof errorToStatus> => {
      if (!(error instanceof StarlingError)) options.onInternalError(error, method.path);
      return errorToStatus(error);
    };
    implementation[name] = adapt(method, handlers[name], fail);
  }
  server.addService(grpcDefinition(service), implementation);
}

/** What every kind of call has; grpc-js does not export its name for it. */
type ServerCall = Pick<
  ServerUnaryCall<Buffer, Buffer>,
  'cancelled' | 'metadata' | 'getPeer' | 'getDeadline'
> & { once(event: 'cancelled', listener: () => void): unknown };
type Fail = (error: unknown) => ReturnType<typeof errorToStatus>;

/**
 * `Handlers` guarantees that the handler under a method's name has that method's shape; TypeScript cannot follow it
 * through a loop over names, hence the casts, here and nowhere else.
 */
function adapt(
  method: MethodDescription,
  handler: unknown,
  fail: Fail,
): UntypedServiceImplementation[string] {
  switch (method.kind) {
    case 'unary':
      return unary(method, handler as Handler<MethodDescription & { kind: 'unary' }>, fail);
    case 'serverStream':
      return serverStream(method, handler as Handler<MethodDescription & { kind: 'serverStream' }>, fail);
    case 'clientStream':
      return clientStream(method, handler as Handler<MethodDescription & { kind: 'clientStream' }>, fail);
  }
}

function unary(
  method: MethodDescription,
  handler: Handler<MethodDescription & { kind: 'unary' }>,
  fail: Fail,
) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const answer = async (): Promise<Buffer> => {
      const request = decodeOrRefuse(method.request, call.request);
      return encodeToBuffer(method.response, await handler(request, contextOf(call)));
    };
    answer().then(
      (data) => callback(null, data),
      (error: unknown) => callback(endOf(call, error, fail)),
    );
  };
}

function serverStream(
  method: MethodDescription,
  handler: Handler<MethodDescription & { kind: 'serverStream' }>,
  fail: Fail,
) {
  return (call: ServerWritableStream<Buffer, Buffer>): void => {
    const context = contextOf(call);
    const answer = async (): Promise<void> => {
      const responses = handler(decodeOrRefuse(method.request, call.request), context);
      await writeAll(
        call,
        responses,
        (response) => encodeToBuffer(method.response, response),
        context.signal,
      );
      call.end();
    };
    answer().catch((error: unknown) => call.emit('error', endOf(call, error, fail)));
  };
}

function clientStream(
  method: MethodDescription,
  handler: Handler<MethodDescription & { kind: 'clientStream' }>,
  fail: Fail,
) {
  return (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    const context = contextOf(call);
    // grpc-js leaves a cancelled call's stream open, and a handler that waits for its next message would wait forever.
    context.signal.addEventListener('abort', () => call.destroy(cancelled()));
    const answer = async (): Promise<Buffer> =>
      encodeToBuffer(
        method.response,
        await handler(decodeAll(method.request, call, context.signal), context),
      );
    answer().then(
      (data) => callback(null, data),
      (error: unknown) => callback(endOf(call, error, fail)),
    );
  };
}

async function* decodeAll<T>(
  type: MessageType<T>,
  call: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  for await (const data of call) yield decodeOrRefuse(type, data);
  // grpc-js ends the messages of a reset stream as though they were complete, and tells of the reset only after it.
  await nextTurn();
  signal.throwIfAborted();
}

/** What a cancelled call's handler throws is nobody's failure: there is no one left to tell. */
function endOf(call: ServerCall, error: unknown, fail: Fail): ReturnType<typeof errorToStatus> {
  return call.cancelled ? errorToStatus(cancelled()) : fail(error);
}

function cancelled(): StarlingError {
  return new StarlingError({ code: 'CANCELLED', status: 'cancelled', message: 'The call was cancelled.' });
}

function contextOf(call: ServerCall): CallContext {
  const controller = new AbortController();
  if (call.cancelled) controller.abort(cancelled());
  call.once('cancelled', () => controller.abort(cancelled()));
  const deadline = call.getDeadline();
  return {
    signal: controller.signal,
    metadata: call.metadata,
    peer: call.getPeer(),
    deadlineAtMs: typeof deadline === 'number' ? deadline : deadline.getTime(),
  };
}
