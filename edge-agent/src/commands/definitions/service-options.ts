import type { ServiceArguments } from '../configuration.js';

/** Options of what trains and of what only serves. */
export const serviceOptions = {
  models: { type: 'string', describe: 'Folder of models to serve: NAME/VERSION/model.onnx' },
  http: { type: 'string', describe: 'Where to answer HTTP, host:port; 127.0.0.1:8080 unless told' },
  grpc: { type: 'string', describe: 'Where to answer gRPC, host:port; nowhere unless told' },
  'log-level': {
    choices: ['debug', 'info', 'warn', 'error', 'silent'] as const,
    describe: 'Least level to log',
  },
  config: { type: 'string', describe: 'YAML file with these options, in camelCase' },
} as const;

export function serviceArguments({
  models,
  http,
  grpc,
  logLevel,
  config,
}: ServiceArguments): ServiceArguments {
  return { models, http, grpc, logLevel, config };
}
