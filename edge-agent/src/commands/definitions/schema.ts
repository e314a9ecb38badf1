import type { Root } from './root.js';

export function addSchema(parser: Root): void {
  parser.command(
    'schema',
    'Print the JSON Schema of the configuration file',
    (command) => command.example('$0 schema > starling-agent.schema.json', 'For editors that check YAML'),
    async () => {
      const { configurationJsonSchema } = await import('../../configuration/json-schema.js');
      process.stdout.write(`${JSON.stringify(configurationJsonSchema(), undefined, 2)}\n`);
    },
  );
}
