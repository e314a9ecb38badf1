import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Writes every message, waiting whenever the stream's buffer is full, so that a slow reader slows the source down.
 * Stops quietly when `signal` aborts; the source's `finally` blocks run either way.
 */
export async function writeAll<T>(
  stream: Writable,
  messages: AsyncIterable<T> | Iterable<T>,
  encode: (message: T) => Buffer,
  signal: AbortSignal,
): Promise<void> {
  for await (const message of messages) {
    if (signal.aborted) return;
    if (stream.write(encode(message))) continue;
    try {
      await once(stream, 'drain', { signal });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
}
