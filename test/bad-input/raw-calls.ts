/** Calls with bytes of the test's own choosing, below what the typed client lets through. */
import { type Connection, StarlingError } from '@starling/proto';

/** Sends `request` as the whole message of a unary call; gives the error it is answered with. */
export function rawUnary(connection: Connection, path: string, request: Buffer): Promise<StarlingError> {
  return refusalOf(connection.unary(path, request, {}));
}

/** Sends `messages` as they are in a client stream; gives the error it is answered with. */
export function rawStream(
  connection: Connection,
  path: string,
  messages: readonly Buffer[],
): Promise<StarlingError> {
  const encode = (message: unknown): Buffer => {
    if (Buffer.isBuffer(message)) return message;
    throw new TypeError('raw messages are bytes');
  };
  return refusalOf(connection.clientStream(path, { source: messages, encode }, {}));
}

async function refusalOf(call: Promise<Buffer>): Promise<StarlingError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof StarlingError) return error;
    throw error;
  }
  throw new Error('the call was answered as if nothing were wrong');
}
