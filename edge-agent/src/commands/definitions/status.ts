import type { Done, Root } from './root.js';

export function addStatus(parser: Root, done: Done): void {
  parser.command(
    'status',
    'Show what a state directory holds',
    (command) =>
      command
        .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
        .example('$0 status --state ./device-1', 'Device id, agent process, waiting update'),
    async (argv) => {
      const { status } = await import('../status.js');
      done(await status(argv.state, argv.json));
    },
  );
}
