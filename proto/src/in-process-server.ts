/**
 * A server without a network: calls come as bytes from whoever carries them, through the same admission, decoding and
 * errors as over gRPC. For simulations, where the carrier delays, loses and repeats them.
 */
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import { errorToStatus, StarlingError, statusToError } from './error.js';
import type { CallContext, CallDescription, ServiceOptions } from './server.js';
import { decodeOrRefuse, encodeToBuffer, type MethodDescription } from './service.js';

/** A call as its carrier hands it over. */
export interface IncomingCall {
  /** `/starling.v1.RoundService/GetRoundState` */
  readonly path: string;
  /** Address of the caller. */
  readonly peer: string;
  /** What an operator shows. */
  readonly token?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly deadlineAtMs?: number | undefined;
  /** Aborts when the caller cancels, its deadline passes or its connection breaks. */
  readonly signal: AbortSignal;
}

/** Each call fails with what a client would be given: a `StarlingError` as it looks on the other side of the wire. */
export interface InProcessServer {
  /** `addService` calls it. */
  serve(method: MethodDescription, handler: unknown, options: ServiceOptions): void;
  unary(call: IncomingCall, request: Buffer): Promise<Buffer>;
  serverStream(call: IncomingCall, request: Buffer): AsyncIterable<Buffer>;
  clientStream(call: IncomingCall, requests: AsyncIterable<Buffer>): Promise<Buffer>;
}

interface Served {
  readonly method: MethodDescription;
  readonly handler: unknown;
  readonly options: ServiceOptions;
}

export function createInProcessServer(): InProcessServer {
  const served = new Map<string, Served>();

  const find = ({ path }: IncomingCall): Served => {
    const found = served.get(path);
    if (found !== undefined) return found;
    throw new StarlingError({
      code: 'UNIMPLEMENTED',
      status: 'unimplemented',
      message: `There is no ${path}.`,
    });
  };

  return {
    serve(method, handler, options) {
      served.set(method.path, { method, handler, options });
    },

    unary: (call, request) =>
      admitted(find(call), call, async ({ method, handler }, context) => {
        // `addService` guarantees that the handler under a method's path has that method's shape; so below.
        const handle = handler as (request: unknown, context: CallContext) => Promise<unknown>;
        return encodeToBuffer(
          method.response,
          await handle(decodeOrRefuse(method.request, request), context),
        );
      }),

    async *serverStream(call, request) {
      const { method, handler, options } = find(call);
      const handle = handler as (request: unknown, context: CallContext) => AsyncIterable<unknown>;
      try {
        const { context } = open(options, call);
        for await (const response of handle(decodeOrRefuse(method.request, request), context)) {
          if (context.signal.aborted) throw context.signal.reason;
          yield encodeToBuffer(method.response, response);
        }
      } catch (error) {
        throw asClientSees(error, call, options);
      }
    },

    clientStream: (call, requests) =>
      admitted(find(call), call, async ({ method, handler }, context) => {
        const handle = handler as (
          requests: AsyncIterable<unknown>,
          context: CallContext,
        ) => Promise<unknown>;
        const decoded = async function* () {
          for await (const data of requests) yield decodeOrRefuse(method.request, data);
          context.signal.throwIfAborted();
        };
        return encodeToBuffer(method.response, await handle(decoded(), context));
      }),
  };
}

async function admitted(
  served: Served,
  call: IncomingCall,
  run: (served: Served, context: CallContext) => Promise<Buffer>,
): Promise<Buffer> {
  const { options } = served;
  let ended: AbortSignal | undefined;
  try {
    const opened = open(options, call);
    ended = opened.ended;
    const answer = await run(served, opened.context);
    ended?.throwIfAborted();
    return answer;
  } catch (error) {
    throw asClientSees(ended?.aborted ? ended.reason : error, call, options);
  }
}

function open(
  { admit }: ServiceOptions,
  { path, peer, token, deadlineAtMs, signal }: IncomingCall,
): { readonly context: CallContext; readonly ended: AbortSignal | undefined } {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const description: CallDescription = { metadata, peer, method: path };
  const { caller, ended } = admit?.(description) ?? {
    caller: { kind: 'anonymous' } as const,
    ended: undefined,
  };
  return {
    context: {
      // The signals live as long as the call at most, and neither keeps the other from being freed.
      signal: ended === undefined ? signal : AbortSignal.any([signal, ended]),
      metadata,
      peer,
      deadlineAtMs: deadlineAtMs ?? Number.POSITIVE_INFINITY,
      caller,
    },
    ended,
  };
}

/** Through the form that errors have on the wire, so that nothing passes which gRPC would not let pass. */
function asClientSees(
  error: unknown,
  { path, signal }: IncomingCall,
  options: ServiceOptions,
): StarlingError {
  const what = signal.aborted
    ? new StarlingError({ code: 'CANCELLED', status: 'cancelled', message: 'The call was cancelled.' })
    : error;
  if (!(what instanceof StarlingError)) options.onInternalError(what, path);
  const { code, details, metadata } = errorToStatus(what);
  const seen: ServiceError = Object.assign(new Error(details), { code, details, metadata });
  return statusToError(seen);
}
