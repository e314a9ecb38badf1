import type { Done, Root } from './root.js';
import { serviceArguments, serviceOptions } from './service-options.js';

export function addServe(parser: Root, done: Done): void {
  parser.command(
    'serve',
    'Serve models through the Open Inference Protocol, without training',
    (command) =>
      command
        .options(serviceOptions)
        .option('state', { type: 'string', describe: 'Directory that examples are recorded into' })
        .example('$0 serve --models ./models', 'At http://127.0.0.1:8080/v2')
        .example('$0 serve --models ./models --http 127.0.0.1:0 --grpc 127.0.0.1:8081', 'Over gRPC too'),
    async (argv) => {
      const { serve } = await import('../serve.js');
      done(await serve({ ...serviceArguments(argv), state: argv.state }, argv.json));
    },
  );
}
