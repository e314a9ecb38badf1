import type { Terminal } from '../terminal.js';
import type { Root } from './root.js';

export function addKey(parser: Root, terminal: Terminal): void {
  const out = {
    type: 'string',
    describe: 'The key’s file',
    defaultDescription: '~/.starling/owner.key',
  } as const;
  parser.command('key', 'The key that signs what devices are asked to do', (key) =>
    key
      .command(
        'create',
        'Make an owner’s key',
        (command) => command.option('out', out).example('$0 key create', 'For "starling task apply"'),
        async (args) => {
          const { createKey } = await import('../owner-key.js');
          await createKey({ ...args, out: args.out }, terminal);
        },
      )
      .command(
        'show',
        'Show its public part, which agents can be given to pin',
        (command) => command.option('out', out).example('$0 key show --json', 'For provisioning'),
        async (args) => {
          const { showKey } = await import('../owner-key.js');
          await showKey({ ...args, out: args.out }, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with keys: create or show.'),
  );
}
