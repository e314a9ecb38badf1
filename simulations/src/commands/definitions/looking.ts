/** Commands for what a scenario says. */
import { printLine, type Terminal } from '../terminal.js';
import type { Root } from './options.js';

export function addLooking(parser: Root, terminal: Terminal): void {
  parser.command(
    'partition <scenario>',
    'Show who would hold what',
    (command) =>
      command
        .positional('scenario', { type: 'string', demandOption: true, describe: 'YAML file' })
        .option('show', { type: 'boolean', default: true, describe: 'Draw it' })
        .option('clients', { type: 'number', default: 40, describe: 'Most clients that are drawn' })
        .example('$0 partition --show scenario.yaml', 'A row a client, a column a class'),
    async ({ scenario, clients, json }) => {
      const { partitionCommand } = await import('../partition.js');
      await partitionCommand({ scenario, clients, json }, terminal);
    },
  );
  parser.command(
    'schema',
    'Print the JSON Schema of scenarios, for editors',
    (command) => command,
    async () => {
      const { scenarioJsonSchema } = await import('../../scenario/index.js');
      printLine(terminal, JSON.stringify(scenarioJsonSchema(), undefined, 2));
    },
  );
}
