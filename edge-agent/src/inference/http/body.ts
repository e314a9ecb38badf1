/** Reading a request's body within bounds: of one body, and of all that are read at the same time. */
import type { IncomingMessage } from 'node:http';
import { InferenceError } from '../errors.js';

export interface BodyLimits {
  /** Most bytes of one body. */
  readonly bodyBytesMax: number;
  /** Most bytes of all bodies that are being read or answered. */
  readonly bodiesBytesMax: number;
}

export interface BodyReader {
  /**
   * Reads a body whole and hands it on; its bytes count until `use` has settled.
   *
   * @throws InferenceError `inference/too-large`, `inference/overloaded`
   */
  withBody<T>(request: IncomingMessage, use: (body: Buffer) => Promise<T>): Promise<T>;
}

export function bodyReader({ bodyBytesMax, bodiesBytesMax }: BodyLimits): BodyReader {
  let held = 0;
  return {
    async withBody(request, use) {
      const declared = Number(request.headers['content-length'] ?? Number.NaN);
      if (declared > bodyBytesMax) throw tooLarge(bodyBytesMax);
      let mine = 0;
      try {
        const body = await new Promise<Buffer>((resolve, reject) => {
          const chunks: Buffer[] = [];
          request.on('data', (chunk: Buffer) => {
            mine += chunk.length;
            held += chunk.length;
            chunks.push(chunk);
            if (mine > bodyBytesMax) reject(tooLarge(bodyBytesMax));
            else if (held > bodiesBytesMax) reject(overloaded());
          });
          request.once('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
          request.once('error', reject);
          request.once('close', () =>
            reject(new InferenceError('inference/unavailable', 'The request ended.')),
          );
        });
        return await use(body);
      } finally {
        held -= mine;
      }
    },
  };
}

function tooLarge(bytes: number): InferenceError {
  return new InferenceError(
    'inference/too-large',
    `The body is longer than ${bytes} bytes; ask for fewer examples at once.`,
  );
}

function overloaded(): InferenceError {
  return new InferenceError(
    'inference/overloaded',
    'Too many bytes of requests are held already; ask again later.',
  );
}
