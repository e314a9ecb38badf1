/** The gRPC door: `inference.GRPCInferenceService`. */
import { RuntimeError, type TensorValue } from '@starling/engine/serving';
import { addService, createServer, type ErrorStatus, listen, StarlingError } from '@starling/proto';
import { GRPCInferenceService } from '@starling/proto/open-inference';
import { agentVersion } from '../../version.js';
import { protocolName, rawBytes } from '../data-types.js';
import { InferenceError, type InferenceErrorCode } from '../errors.js';
import type { Door } from '../http/server.js';
import type { InferenceService } from '../service.js';
import { readTensors } from './tensors.js';

export interface GrpcDoorOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Told of what is no fault of the caller. */
  readonly onInternalError: (error: unknown) => void;
}

const statuses: Readonly<Record<InferenceErrorCode, ErrorStatus>> = {
  'inference/invalid-request': 'invalid-argument',
  'inference/too-large': 'invalid-argument',
  'inference/model-not-found': 'not-found',
  'inference/overloaded': 'resource-exhausted',
  'inference/unavailable': 'unavailable',
  'inference/model-invalid': 'internal',
};

export async function openGrpcDoor(service: InferenceService, options: GrpcDoorOptions): Promise<Door> {
  const server = createServer();
  addService(
    server,
    GRPCInferenceService,
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
          const { inputs } = service.describe(model, version);
          const response = await service.infer({ model, version, inputs: readTensors(request, inputs) });
          const outputs = wantedOutputs(
            response.outputs,
            request.outputs.map(({ name }) => name),
          );
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
  const port = await listen(server, `${options.host}:${options.port}`);
  return {
    address: `${options.host}:${port}`,
    close: () => new Promise((resolve) => server.tryShutdown(() => resolve())),
  };
}

function wantedOutputs(outputs: readonly TensorValue[], names: readonly string[]): readonly TensorValue[] {
  if (names.length === 0) return outputs;
  return names.map((name) => {
    const output = outputs.find((candidate) => candidate.name === name);
    if (output !== undefined) return output;
    throw new InferenceError(
      'inference/invalid-request',
      `The model has no output ${JSON.stringify(name.slice(0, 80))}; it gives ${outputs.map((known) => `"${known.name}"`).join(', ')}.`,
    );
  });
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
