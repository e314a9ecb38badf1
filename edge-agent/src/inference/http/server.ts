/** The HTTP door of the inference service. It has no TLS and no callers' names: it listens on this machine only, unless told. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Door, type DoorOptions, hasLeft, listen, reply } from '../../http-doors.js';
import { agentVersion } from '../../version.js';
import { callersFault } from '../callers-fault.js';
import { protocolName } from '../data-types.js';
import { InferenceError, type InferenceErrorCode } from '../errors.js';
import { wantedOutputs } from '../request.js';
import type { InferenceService } from '../service.js';
import { type BodyLimits, bodyReader } from './body.js';
import { type Route, routeOf } from './routes.js';

export interface HttpDoorOptions extends Partial<BodyLimits>, DoorOptions {
  /** Most connections; more are closed at once. */
  readonly connectionsMax?: number;
  /** Told of what is no fault of the caller. */
  readonly onInternalError: (error: unknown) => void;
}

const statuses: Readonly<Record<InferenceErrorCode, number>> = {
  'inference/invalid-request': 400,
  'inference/too-large': 413,
  'inference/model-not-found': 404,
  'inference/overloaded': 503,
  'inference/unavailable': 503,
  'inference/model-invalid': 500,
};

const json = 'application/json';

export async function openHttpDoor(service: InferenceService, options: HttpDoorOptions): Promise<Door> {
  const { bodyBytesMax = 16 << 20, bodiesBytesMax = 64 << 20, connectionsMax = 512 } = options;
  const bodies = bodyReader({ bodyBytesMax, bodiesBytesMax });
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000, keepAliveTimeout: 60_000, noDelay: true },
    (request, response) => {
      answer(request, response).catch((error: unknown) => refuse(request, response, error));
    },
  );
  server.maxConnections = connectionsMax;

  // Loaded with the first question: its schema's library is a tenth of a waiting agent's memory.
  let codec: typeof import('./json-codec.js') | undefined;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const route = routeOf(request.url ?? '');
    if (route === undefined) {
      return reply(response, 404, {
        error: 'inference/not-found: This path is not of the Open Inference Protocol; GET /v2 is.',
      });
    }
    const method = route.kind === 'infer' ? 'POST' : 'GET';
    if (request.method !== method) {
      return reply(response, 405, { error: `inference/method: Use ${method} here.` });
    }
    if (route.kind !== 'infer') {
      request.resume();
      return reply(response, ...describe(service, route));
    }
    // Asked first: a body for a model that is not here is not read.
    const { inputs, outputs } = service.describe(route.model, route.version);
    const header = request.headers['inference-header-content-length'];
    const headerBytes = header === undefined ? undefined : Number(header);
    if (headerBytes !== undefined && !(Number.isSafeInteger(headerBytes) && headerBytes >= 0)) {
      throw new InferenceError(
        'inference/invalid-request',
        'Inference-Header-Content-Length is not a number of bytes.',
      );
    }
    codec ??= await import('./json-codec.js');
    const { decodeRequest, encodeResponse, outputNames } = codec;
    await bodies.withBody(request, async (body) => {
      const decoded = decodeRequest(body, headerBytes, inputs);
      wantedOutputs(outputs, outputNames(decoded));
      const result = await service.infer({
        model: route.model,
        version: route.version,
        inputs: decoded.inputs,
      });
      const encoded = encodeResponse(decoded, result);
      const binary = encoded.headerBytes !== undefined;
      response.writeHead(200, {
        'content-type': binary ? 'application/octet-stream' : json,
        'content-length': Buffer.byteLength(encoded.body),
        ...(binary ? { 'inference-header-content-length': encoded.headerBytes } : {}),
      });
      response.end(encoded.body);
    });
  };

  const refuse = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
    if (hasLeft(request)) return;
    const known = callersFault(error);
    if (known === undefined) options.onInternalError(error);
    if (response.headersSent || response.destroyed) return void response.destroy();
    const { code, message } = known ?? { code: 'inference/internal', message: 'This failed here.' };
    // What is left of the body will not be read: the connection ends with the answer.
    if (!request.complete) response.setHeader('connection', 'close');
    reply(response, known === undefined ? 500 : statuses[known.code], { error: `${code}: ${message}` });
  };

  return listen(server, options);
}

function describe(service: InferenceService, route: Route): [status: number, body: object] {
  switch (route.kind) {
    case 'server-metadata':
      return [200, { name: 'starling-agent', version: agentVersion(), extensions: serverExtensions }];
    case 'live':
      return [200, { live: true }];
    case 'ready': {
      const ready = service.models.every((model) => service.isReady(model));
      return [ready ? 200 : 503, { ready }];
    }
    case 'models':
      return [200, { models: service.models.map((name) => ({ name, ready: service.isReady(name) })) }];
    case 'model-ready': {
      const ready = service.isReady(route.model, route.version);
      return [ready ? 200 : 404, { name: route.model, ready }];
    }
    case 'statistics':
      return [
        200,
        {
          model_stats: service
            .statistics()
            .filter(({ model, version }) => model === route.model && (route.version ?? version) === version),
        },
      ];
    default: {
      const { name, versions, inputs, outputs } = service.describe(route.model, route.version);
      const tensors = (specs: typeof inputs) =>
        specs.map(({ name, dataType, shape }) => ({ name, datatype: protocolName(dataType), shape }));
      return [
        200,
        {
          name,
          versions,
          platform: 'onnx_onnxv1',
          inputs: tensors(inputs),
          outputs: tensors(outputs),
        },
      ];
    }
  }
}

export const serverExtensions = ['binary_tensor_data', 'statistics'] as const;
