/** The gRPC door: `inference.GRPCInferenceService`. */

import { RuntimeError } from '@starling/engine/serving';
import { addService, createServer, type ErrorStatus, listen, StarlingError } from '@starling/proto';
import { closeGraceMs, type Door, type DoorOptions } from '../../http-doors.js';
import { agentVersion } from '../../version.js';
import { protocolName, rawBytes } from '../data-types.js';
import { InferenceError, type InferenceErrorCode } from '../errors.js';
import { wantedOutputs } from '../request.js';
import type { InferenceService } from '../service.js';
import { boundedService } from './bounded-request.js';
import { readTensors } from './tensors.js';

export interface GrpcDoorOptions extends DoorOptions {
  /** Told of what is no fault of the caller. */
  readonly onInternalError: (error: unknown) => void;
}

/** Of a question: what clients of gRPC take themselves unless told. */
const messageBytesMax = 4 << 20;

const statuses: Readonly<Record<InferenceErrorCode, ErrorStatus>> = {
  'inference/invalid-request': 'invalid-argument',
  'inference/too-large': 'invalid-argument',
  'inference/model-not-found': 'not-found',
  'inference/overloaded': 'resource-exhausted',
  'inference/unavailable': 'unavailable',
  'inference/model-invalid': 'internal',
};

export async function openGrpcDoor(service: InferenceService, options: GrpcDoorOptions): Promise<Door> {
  const server = createServer({ messageBytesMax });
  addService(
    server,
    boundedService,
    {
      serverLive: async () => ({ live: true }),
      serverReady: async () => ({ ready: service.models.every((model) => service.isReady(model)) }),
      modelReady: async ({ name, version }) => ({ ready: service.isReady(name, version) }),
      serverMetadata: async () => ({ name: 'starling-agent', version: agentVersion(), extensions: [] }),
      modelMetadata: ({ name, version }) =>
        typed(async () => {
          const { versions, inputs, outputs } = service.describe(name, version);
          const tensors = (specs: typeof inputs) =>
            specs.map(({ name, dataType, shape }) => ({ name, datatype: protocolName(dataType), shape }));
          return {
            name,
            versions,
            platform: 'onnx_onnxv1',
            inputs: tensors(inputs),
            outputs: tensors(outputs),
          };
        }),
      modelInfer: (request) =>
        typed(async () => {
          const { modelName: model, modelVersion: version } = request;
          const described = service.describe(model, version);
          const names = request.outputs.map(({ name }) => name);
          // Asked first: nothing is computed for an answer that cannot be given.
          wantedOutputs(described.outputs, names);
          const inputs = readTensors(request, described.inputs);
          const response = await service.infer({ model, version, inputs });
          const outputs = wantedOutputs(response.outputs, names);
          return {
            modelName: model,
            modelVersion: response.version,
            id: request.id,
            parameters: new Map(),
            outputs: outputs.map(({ name, dataType, shape }) => ({
              name,
              datatype: protocolName(dataType),
              shape,
              parameters: new Map(),
            })),
            rawOutputContents: outputs.map(({ data }) => rawBytes(data)),
          };
        }),
    },
    { onInternalError: options.onInternalError },
  );
  const { clock, host } = options;
  const listener = await listen(server, host, options.port);
  return {
    address: `${host.includes(':') ? `[${host}]` : host}:${listener.port}`,
    close: () =>
      new Promise((resolve) => {
        listener.close();
        const forced = clock.schedule(closeGraceMs, () => {
          server.forceShutdown();
          listener.cutOff();
        });
        server.tryShutdown(() => {
          forced.cancel();
          resolve();
        });
      }),
  };
}

async function typed<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof InferenceError) {
      const { code, message } = error;
      throw new StarlingError({ code, status: statuses[code], message }, { cause: error });
    }
    if (error instanceof RuntimeError && error.code === 'runtime/input') {
      const { code, message } = error;
      throw new StarlingError({ code, status: 'invalid-argument', message }, { cause: error });
    }
    throw error;
  }
}
