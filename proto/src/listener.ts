import { createServer as createNetServer, type Socket } from 'node:net';
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { MESSAGE_BYTES_MAX } from './constants.js';
import { StarlingError } from './error.js';

/** A gRPC server with this protocol's limits, or with another for its messages. */
export function createServer({ messageBytesMax = MESSAGE_BYTES_MAX } = {}): Server {
  // Whatever goes wrong reaches the caller as an error; grpc-js would write it to standard error as well.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE);
  return new Server({
    'grpc.max_receive_message_length': messageBytesMax,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
  });
}

export interface PlainListener {
  readonly port: number;
  /** Stops listening; open connections are the gRPC server's to end. */
  close(): void;
  /** Ends them whatever the other end does: grpc-js says goodbye, and waits for a peer that does not answer. */
  cutOff(): void;
}

/** Takes connections without TLS, from this machine alone as it is meant. Rejects with ADDRESS_UNAVAILABLE. */
export function listen(server: Server, host: string, port: number): Promise<PlainListener> {
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const open = new Set<Socket>();
  const listener = createNetServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // A connection that breaks ends its calls; nobody else needs to hear of it.
    socket.on('error', () => {});
    injector.injectConnection(socket);
  });
  return new Promise((resolve, reject) => {
    listener.once('error', (error) => reject(addressUnavailable(`${host}:${port}`, error)));
    listener.listen(port, host, () => {
      const bound = listener.address();
      resolve({
        port: typeof bound === 'object' && bound !== null ? bound.port : port,
        close: () => listener.close(),
        cutOff() {
          for (const socket of open) socket.destroy();
        },
      });
    });
  });
}

export function addressUnavailable(address: string, cause: Error): StarlingError {
  const description = {
    code: 'ADDRESS_UNAVAILABLE',
    status: 'failed-precondition',
    message: `Cannot listen on ${address}: ${/\[listen (.*)\]/.exec(cause.message)?.[1] ?? cause.message}.`,
    remedy: 'Choose another address or end the process that holds it.',
  } as const;
  return new StarlingError(description, { cause });
}
