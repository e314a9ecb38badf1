/** Calls with bytes of the test's own choosing, below what the typed client lets through. */
import { type Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import { decodeMessage, ErrorDetail } from '@starling/proto';

const asItIs = (bytes: Buffer): Buffer => bytes;

/** Sends `request` as the whole message of a unary call; gives the error it is answered with. */
export function rawUnary(client: Client, path: string, request: Buffer): Promise<ErrorDetail> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, asItIs, asItIs, request, new Metadata(), {}, (error) =>
      settle(error, resolve, reject),
    );
  });
}

/** Sends `messages` as they are in a client stream; gives the error it is answered with. */
export function rawStream(client: Client, path: string, messages: readonly Buffer[]): Promise<ErrorDetail> {
  return new Promise((resolve, reject) => {
    const call = client.makeClientStreamRequest(path, asItIs, asItIs, new Metadata(), {}, (error) =>
      settle(error, resolve, reject),
    );
    call.on('error', () => {});
    for (const message of messages) call.write(message);
    call.end();
  });
}

function settle(
  error: ServiceError | null,
  resolve: (detail: ErrorDetail) => void,
  reject: (error: Error) => void,
): void {
  const [bytes] = error?.metadata.get('starling-error-bin') ?? [];
  if (bytes instanceof Uint8Array) resolve(decodeMessage(ErrorDetail, bytes));
  else reject(error ?? new Error('the call was answered as if nothing were wrong'));
}
