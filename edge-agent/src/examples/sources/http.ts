/** Examples over HTTP, from programs on this machine: `POST /examples/TASK?source=NAME`, and `/labels/TASK`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type DoorOptions, hasLeft, listen, reply } from '../../http-doors.js';
import { InferenceError } from '../../inference/errors.js';
import { bodyReader } from '../../inference/http/body.js';
import type { PayloadFormat } from '../payload-formats.js';
import type { Recorder } from '../recorder.js';
import { payloadBytesMax } from '../recording.js';
import type { Source } from './mqtt.js';

export interface HttpSourceOptions extends DoorOptions {
  readonly recorders: ReadonlyMap<string, Recorder>;
  /** Told of what is no fault of the caller. */
  readonly onInternalError: (error: unknown) => void;
}

const formats: Readonly<Record<string, PayloadFormat>> = {
  'application/json': 'json',
  'application/x-ndjson': 'json',
  'text/csv': 'csv',
  'application/octet-stream': 'f32',
  'application/x-sparkplug-b': 'sparkplug',
};

export async function openHttpSource(
  options: HttpSourceOptions,
): Promise<Source & { readonly address: string }> {
  const bodies = bodyReader({ bodyBytesMax: payloadBytesMax, bodiesBytesMax: 4 * payloadBytesMax });
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (hasLeft(request)) return;
      if (!request.complete) response.setHeader('connection', 'close');
      if (error instanceof InferenceError) {
        const tooLarge = error.code === 'inference/too-large';
        return reply(response, tooLarge ? 413 : 503, {
          error: `examples/${tooLarge ? 'too-large' : 'overloaded'}: ${error.message}`,
        });
      }
      options.onInternalError(error);
      reply(response, 500, { error: 'examples/internal: Not all of this was stored; send it again.' });
    });
  });
  server.maxConnections = 128;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = URL.parse(request.url ?? '', 'http://agent');
    const [, kind, task] = /^\/(examples|labels)\/([^/]+)$/.exec(url?.pathname ?? '') ?? [];
    const recorder = task === undefined ? undefined : options.recorders.get(task);
    if (recorder === undefined) {
      const tasks = [...options.recorders.keys()].join(', ');
      return reply(response, 404, {
        error: `examples/not-found: POST to /examples/TASK or /labels/TASK; there are ${tasks}.`,
      });
    }
    if (request.method !== 'POST') return reply(response, 405, { error: 'examples/method: Use POST here.' });
    const type = (request.headers['content-type'] ?? '').split(';')[0].trim();
    const format = Object.hasOwn(formats, type) ? formats[type] : undefined;
    if (format === undefined) {
      return reply(response, 415, {
        error: `examples/format: Say what it is with content-type: ${Object.keys(formats).join(', ')}.`,
      });
    }
    const source = (url?.searchParams.get('source') ?? 'http').slice(0, 128);
    const done = await bodies.withBody(request, (body) =>
      kind === 'labels' ? recorder.recordLabels(source, format, body) : recorder.record(source, format, body),
    );
    reply(response, 200, done);
  };

  return listen(server, options);
}
