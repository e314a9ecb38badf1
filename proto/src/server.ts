import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Metadata,
  Server,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { errorToStatus, StarlingError } from './error.js';
import type { InProcessServer } from './in-process-server.js';
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
  /** Who calls, as `admit` found; anonymous where the service admits everybody. */
  readonly caller: Caller;
}

/** Who makes a call, after it was proven. */
export type Caller =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'device'; readonly deviceId: string }
  | { readonly kind: 'operator' };

/** What `admit` decides by. */
export interface CallDescription {
  readonly metadata: Metadata;
  /** Address of the caller. */
  readonly peer: string;
  /** `/starling.v1.RoundService/GetRoundState` */
  readonly method: string;
}

export interface Admission {
  readonly caller: Caller;
  /** Ends the call early, with the signal's reason as the error that the caller gets. */
  readonly ended?: AbortSignal;
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
  /** Looks at every call before its message is read, and throws a `StarlingError` to refuse it. Everybody is admitted without. */
  readonly admit?: ((call: CallDescription) => Admission) | undefined;
}

/** What services are added to: a gRPC server, or one within this process. */
export type ServiceHost = Pick<Server, 'addService'> | InProcessServer;

/** Registers `handlers` for every method of `service`. */
export function addService<Service extends ServiceDescription>(
  server: ServiceHost,
  service: Service,
  handlers: Handlers<Service>,
  options: ServiceOptions,
): void {
  if ('serve' in server) {
    for (const [name, method] of Object.entries(service.methods)) {
      server.serve(method, handlers[name], options);
    }
    return;
  }
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service.methods)) {
    const fail = (error: unknown): ReturnType<typeof errorToStatus> => {
      if (!(error instanceof StarlingError)) options.onInternalError(error, method.path);
      return errorToStatus(error);
    };
    const open: Open = ({ metadata }, peer) =>
      options.admit?.({ metadata, peer, method: method.path }) ?? { caller: { kind: 'anonymous' } };
    implementation[name] = adapt(method, handlers[name], { open, fail });
  }
  server.addService(grpcDefinition(service), implementation);
}

/** What every kind of call has; grpc-js does not export its name for it. */
type ServerCall = Pick<
  ServerUnaryCall<Buffer, Buffer>,
  'cancelled' | 'metadata' | 'getPeer' | 'getDeadline'
> & { once(event: 'cancelled', listener: () => void): unknown };

interface Adapter {
  readonly open: Open;
  readonly fail: (error: unknown) => ReturnType<typeof errorToStatus>;
}

/**
 * `Handlers` guarantees that the handler under a method's name has that method's shape; TypeScript cannot follow it
 * through a loop over names, hence the casts, here and nowhere else.
 */
function adapt(
  method: MethodDescription,
  handler: unknown,
  adapter: Adapter,
): UntypedServiceImplementation[string] {
  switch (method.kind) {
    case 'unary':
      return unary(method, handler as Handler<MethodDescription & { kind: 'unary' }>, adapter);
    case 'serverStream':
      return serverStream(method, handler as Handler<MethodDescription & { kind: 'serverStream' }>, adapter);
    case 'clientStream':
      return clientStream(method, handler as Handler<MethodDescription & { kind: 'clientStream' }>, adapter);
  }
}

function unary(
  method: MethodDescription,
  handler: Handler<MethodDescription & { kind: 'unary' }>,
  { open, fail }: Adapter,
) {
  return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    within(call, open, async (context) => {
      const request = decodeOrRefuse(method.request, call.request);
      return encodeToBuffer(method.response, await handler(request, context));
    }).then(
      (data) => callback(null, data),
      (error: unknown) => callback(endOf(call, error, fail)),
    );
  };
}

function serverStream(
  method: MethodDescription,
  handler: Handler<MethodDescription & { kind: 'serverStream' }>,
  { open, fail }: Adapter,
) {
  return (call: ServerWritableStream<Buffer, Buffer>): void => {
    within(call, open, async (context) => {
      const responses = handler(decodeOrRefuse(method.request, call.request), context);
      await writeAll(
        call,
        responses,
        (response) => encodeToBuffer(method.response, response),
        context.signal,
      );
    }).then(
      () => call.end(),
      (error: unknown) => call.emit('error', endOf(call, error, fail)),
    );
  };
}

function clientStream(
  method: MethodDescription,
  handler: Handler<MethodDescription & { kind: 'clientStream' }>,
  { open, fail }: Adapter,
) {
  return (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
    within(call, open, async (context) => {
      // grpc-js leaves a cancelled call's stream open, and a handler that waits for its next message would wait forever.
      context.signal.addEventListener('abort', () => call.destroy(cancelled()));
      const response = await handler(decodeAll(method.request, call, context.signal), context);
      return encodeToBuffer(method.response, response);
    }).then(
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
function endOf(call: ServerCall, error: unknown, fail: Adapter['fail']): ReturnType<typeof errorToStatus> {
  return call.cancelled ? errorToStatus(cancelled()) : fail(error);
}

function cancelled(): StarlingError {
  return new StarlingError({ code: 'CANCELLED', status: 'cancelled', message: 'The call was cancelled.' });
}

type Open = (call: ServerCall, peer: string) => Admission;

/** Runs a call's handler once the call is admitted; where its admission ends meanwhile, so does the call. */
async function within<T>(
  call: ServerCall,
  open: Open,
  run: (context: CallContext) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const peer = call.getPeer();
  const { caller, ended } = open(call, peer);
  const endEarly = (): void => controller.abort(ended?.reason);
  if (call.cancelled) controller.abort(cancelled());
  else if (ended?.aborted) endEarly();
  call.once('cancelled', () => controller.abort(cancelled()));
  ended?.addEventListener('abort', endEarly);
  const deadline = call.getDeadline();
  try {
    const result = await run({
      signal: controller.signal,
      metadata: call.metadata,
      peer,
      deadlineAtMs: typeof deadline === 'number' ? deadline : deadline.getTime(),
      caller,
    });
    ended?.throwIfAborted();
    return result;
  } catch (error) {
    // Whatever the handler made of the abort, the caller is told its reason.
    throw ended?.aborted ? ended.reason : error;
  } finally {
    ended?.removeEventListener('abort', endEarly);
  }
}
