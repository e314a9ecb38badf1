import type { Done, Root } from './root.js';

export function addReleases(parser: Root, done: Done): void {
  parser.command(
    'releases',
    'Show which releases this device has, which serves, and why others do not',
    (command) =>
      command
        .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
        .example('$0 releases --state ./device-1', 'Slots, versions, and what was given up'),
    async (argv) => {
      const { releases } = await import('../releases.js');
      done(await releases(argv.state, argv.json));
    },
  );
}
