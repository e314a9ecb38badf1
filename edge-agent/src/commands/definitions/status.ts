import type { Done, Root } from './root.js';

export function addStatus(parser: Root, done: Done): void {
  parser.command(
    'status',
    'Show how the agent of a state directory stands, and what it holds',
    (command) =>
      command
        .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
        .example('$0 status --state ./device-1', 'Device, connection, training, last round, what waits'),
    async (argv) => {
      const { status } = await import('../status.js');
      done(await status(argv.state, argv.json));
    },
  );
}
