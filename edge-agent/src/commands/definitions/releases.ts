import type { Done, Root } from './root.js';

const state = { type: 'string', demandOption: true, describe: 'State directory given to "run"' } as const;

export function addReleases(parser: Root, done: Done): void {
  parser.command(
    'releases',
    'Show which releases this device has, which serves, and why others do not',
    (command) =>
      command
        .option('state', state)
        .command(
          'retry <name> [release]',
          'Let versions be tried again that were given up on this device',
          (retry) =>
            retry
              .positional('name', { type: 'string', demandOption: true, describe: 'Name of the release' })
              .positional('release', { type: 'number', describe: 'Its version; all of them unless told' })
              .example('$0 releases retry pump 3 --state ./device-1', 'After the sensor was mended')
              .check(({ release }) => {
                if (release === undefined || (Number.isSafeInteger(release) && release > 0)) return true;
                throw new Error('The version of a release is a whole number from 1 on.');
              }),
          async (argv) => {
            const { retryRelease } = await import('../retry-release.js');
            done(await retryRelease(argv.state, argv.name, argv.release, argv.json));
          },
        )
        .example(
          '$0 releases --state ./device-1',
          'Slots, versions, where they are from, and what was given up',
        ),
    async (argv) => {
      const { releases } = await import('../releases.js');
      done(await releases(argv.state, argv.json));
    },
  );
}
