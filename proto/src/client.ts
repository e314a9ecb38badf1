import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { MESSAGE_BYTES_MAX } from './constants.js';
import { statusToError } from './error.js';
import { type ClientSecurity, COORDINATOR_NAME } from './security.js';
import {
  decodeOrRefuse,
  encodeToBuffer,
  type MethodDescription,
  passBytes,
  type RequestOf,
  type ResponseOf,
  type ServiceDescription,
} from './service.js';
import { writeAll } from './streams.js';

export interface CallOptions {
  /** Cancels the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since the Unix epoch; later the call rejects with DEADLINE_EXCEEDED. */
  readonly deadlineAtMs?: number | undefined;
}

/** A service's methods as calls; each rejects with a `StarlingError`, or with the signal's reason. */
export type ServiceClient<Service extends ServiceDescription> = {
  readonly [Name in keyof Service['methods']]: Call<Service['methods'][Name]>;
};

type Call<Method> = Method extends { readonly kind: 'unary' }
  ? (request: RequestOf<Method>, options?: CallOptions) => Promise<ResponseOf<Method>>
  : Method extends { readonly kind: 'serverStream' }
    ? /** The call starts with the first message asked for, and is cancelled when the loop is left. */
      (request: RequestOf<Method>, options?: CallOptions) => AsyncIterable<ResponseOf<Method>>
    : (
        requests: AsyncIterable<RequestOf<Method>> | Iterable<RequestOf<Method>>,
        options?: CallOptions,
      ) => Promise<ResponseOf<Method>>;

/** Messages on their way out, each encoded when it is its turn. */
export interface OutgoingMessages {
  readonly source: AsyncIterable<unknown> | Iterable<unknown>;
  encode(message: unknown): Buffer;
}

/**
 * A connection to a server, shared by the clients of its services; it connects when first used, and again. What carries
 * the calls knows nothing of messages: gRPC does it, and a simulated network may. Every call fails with a
 * `StarlingError`, or with the signal's reason.
 */
export interface Connection {
  unary(path: string, request: Buffer, options: CallOptions): Promise<Buffer>;
  serverStream(path: string, request: Buffer, options: CallOptions): AsyncIterable<Buffer>;
  clientStream(path: string, requests: OutgoingMessages, options: CallOptions): Promise<Buffer>;
  /** Settles when the other end is reached and has shown who it is; rejects where the connection is closed before. */
  whenReady?(): Promise<void>;
  close(): void;
}

export interface ConnectOptions {
  readonly security: ClientSecurity;
  /** An operator's token, sent with every call. */
  readonly token?: string | undefined;
  /** Added to this protocol's limits and time-outs. */
  readonly channel?: ChannelOptions;
}

/** `address` is `host:port`. */
export function connect(address: string, { security, token, channel }: ConnectOptions): Connection {
  const client = new Client(address, credentialsOf(security), {
    'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
    // Callers pace themselves; gRPC's own waits (1 s to 2 min) would hide that a server is back.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    // A check-in may be silent for minutes: only pings find out that the other end is gone.
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    ...(security.kind === 'tls' ? { 'grpc.ssl_target_name_override': COORDINATOR_NAME } : {}),
    ...channel,
  });
  const metadata = (): Metadata => {
    const carried = new Metadata();
    if (token !== undefined) carried.set('authorization', `Bearer ${token}`);
    return carried;
  };
  // One wait for all who ask: during an outage they are many.
  let ready: Promise<void> | undefined;
  const whenReady = (): Promise<void> => {
    ready ??= new Promise<void>((resolve, reject) => {
      client.waitForReady(Number.POSITIVE_INFINITY, (error) => {
        ready = undefined;
        if (error) reject(error);
        else resolve();
      });
    });
    return ready;
  };
  return {
    whenReady,
    unary: (path, request, options) => unary(client, metadata(), path, request, options),
    serverStream: (path, request, options) => serverStream(client, metadata(), path, request, options),
    clientStream: (path, requests, options) => clientStream(client, metadata(), path, requests, options),
    close: () => client.close(),
  };
}

function credentialsOf(security: ClientSecurity): ChannelCredentials {
  if (security.kind === 'plaintext') return credentials.createInsecure();
  const { authority, identity } = security;
  return identity === undefined
    ? credentials.createSsl(Buffer.from(authority))
    : credentials.createSsl(
        Buffer.from(authority),
        Buffer.from(identity.privateKey),
        Buffer.from(identity.certificate),
      );
}

/** Typed calls of `service` over `connection`. */
export function createClient<Service extends ServiceDescription>(
  service: Service,
  connection: Connection,
): ServiceClient<Service> {
  const calls = Object.entries(service.methods).map(([name, method]) => [
    name,
    // The entry under a name is built from the description of that name; a loop over names hides it from the types.
    makeCall(method, connection),
  ]);
  return Object.fromEntries(calls) as ServiceClient<Service>;
}

function makeCall(method: MethodDescription, connection: Connection): unknown {
  const { path } = method;
  switch (method.kind) {
    case 'unary':
      return async (request: unknown, options: CallOptions = {}) => {
        options.signal?.throwIfAborted();
        const answer = await connection.unary(path, encodeToBuffer(method.request, request), options);
        return decodeOrRefuse(method.response, answer);
      };
    case 'serverStream':
      return async function* (request: unknown, options: CallOptions = {}) {
        options.signal?.throwIfAborted();
        const data = encodeToBuffer(method.request, request);
        for await (const message of connection.serverStream(path, data, options)) {
          yield decodeOrRefuse(method.response, message);
        }
      };
    case 'clientStream':
      return async (source: OutgoingMessages['source'], options: CallOptions = {}) => {
        options.signal?.throwIfAborted();
        const encode = (request: unknown): Buffer => encodeToBuffer(method.request, request);
        const answer = await connection.clientStream(path, { source, encode }, options);
        return decodeOrRefuse(method.response, answer);
      };
  }
}

function unary(
  client: Client,
  metadata: Metadata,
  path: string,
  request: Buffer,
  options: CallOptions,
): Promise<Buffer> {
  return settle(options, (callback) =>
    client.makeUnaryRequest(path, passBytes, passBytes, request, metadata, grpcOptions(options), callback),
  );
}

async function clientStream(
  client: Client,
  metadata: Metadata,
  path: string,
  { source, encode }: OutgoingMessages,
  options: CallOptions,
): Promise<Buffer> {
  // The answer may come before all is sent (a refusal, mostly); what is left is then not asked for any more.
  const answered = new AbortController();
  let sourceFailed: { readonly error: unknown } | undefined;
  try {
    return await settle(options, (callback) => {
      const call = client.makeClientStreamRequest(
        path,
        passBytes,
        passBytes,
        metadata,
        grpcOptions(options),
        callback,
      );
      // Writing to a call that ended emits an error here; the callback tells why it ended.
      call.on('error', () => answered.abort());
      writeAll(call, source, encode, answered.signal).then(
        () => call.end(),
        (error: unknown) => {
          sourceFailed = { error };
          call.cancel();
        },
      );
      return call;
    });
  } catch (error) {
    throw sourceFailed ? sourceFailed.error : error;
  } finally {
    answered.abort();
  }
}

async function* serverStream(
  client: Client,
  metadata: Metadata,
  path: string,
  request: Buffer,
  options: CallOptions,
): AsyncGenerator<Buffer> {
  const call = client.makeServerStreamRequest(
    path,
    passBytes,
    passBytes,
    request,
    metadata,
    grpcOptions(options),
  );
  const cancel = (): void => call.cancel();
  options.signal?.addEventListener('abort', cancel);
  try {
    yield* call;
  } catch (error) {
    throw reasonOf(error, options);
  } finally {
    options.signal?.removeEventListener('abort', cancel);
    // Cancelling reports an error once more, after the loop stopped listening.
    call.on('error', () => {});
    call.cancel();
  }
}

/** Runs one call with one answer, cancelled by the signal. */
function settle(
  options: CallOptions,
  start: (callback: (error: ServiceError | null, value?: Buffer) => void) => Pick<ClientUnaryCall, 'cancel'>,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const call = start((error, value) => {
      options.signal?.removeEventListener('abort', cancel);
      if (error) reject(reasonOf(error, options));
      else resolve(value ?? Buffer.alloc(0));
    });
    const cancel = (): void => call.cancel();
    options.signal?.addEventListener('abort', cancel);
  });
}

function reasonOf(error: unknown, options: CallOptions): unknown {
  if (options.signal?.aborted) return options.signal.reason;
  return isServiceError(error) ? statusToError(error) : error;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

function grpcOptions(options: CallOptions): { deadline?: number } {
  return options.deadlineAtMs === undefined ? {} : { deadline: options.deadlineAtMs };
}
