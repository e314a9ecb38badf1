import type { Terminal } from '../terminal.js';
import { isWhole, type Root } from './root.js';

export function addAuthority(parser: Root, terminal: Terminal): void {
  const folder = {
    type: 'string',
    demandOption: true,
    describe: 'Folder of the authority',
  } as const;
  parser.command('authority', 'The fleet’s certificate authority, where its key is kept', (authority) =>
    authority
      .command(
        'init <folder>',
        'Make an authority',
        (command) =>
          command
            .positional('folder', folder)
            .example('$0 authority init ./fleet', 'Where no network reaches'),
        async (args) => {
          const { initAuthority } = await import('../authority.js');
          await initAuthority(args, terminal);
        },
      )
      .command(
        'show <folder>',
        'Show an authority’s hash, and whether its key is there',
        (command) =>
          command
            .positional('folder', folder)
            .example('$0 authority show ./fleet', 'To compare with a token’s'),
        async (args) => {
          const { showAuthority } = await import('../authority.js');
          await showAuthority(args, terminal);
        },
      )
      .command(
        'coordinator <folder>',
        'Make what a coordinator needs to work without the authority’s key',
        (command) =>
          command
            .positional('folder', folder)
            .option('output', {
              alias: 'o',
              type: 'string',
              demandOption: true,
              describe: 'Folder for "starling serve --authority"',
            })
            .option('name', {
              type: 'string',
              array: true,
              default: [] as string[],
              describe: 'Further host name or address for its certificate',
            })
            .example(
              '$0 authority coordinator ./fleet -o ./carry',
              'Its key, its certificate, the authority’s',
            ),
        async (args) => {
          const { certifyCoordinator } = await import('../authority.js');
          await certifyCoordinator(args, terminal);
        },
      )
      .command(
        'sign <folder> <requests>',
        'Certify the devices in a file of requests',
        (command) =>
          command
            .positional('folder', folder)
            .positional('requests', { type: 'string', demandOption: true, describe: 'File with requests' })
            .option('output', {
              alias: 'o',
              type: 'string',
              default: 'certificates.json',
              describe: 'File for the certificates',
            })
            .option('days', { type: 'number', default: 365, describe: 'How long certificates last' })
            .example('$0 authority sign ./fleet requests.json', 'Lists each device and its key')
            .check(({ days }) => isWhole('days', days, 1, 3650)),
        async (args) => {
          const { signRequests } = await import('../authority.js');
          await signRequests(args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with the authority: init, show, coordinator or sign.'),
  );
}
