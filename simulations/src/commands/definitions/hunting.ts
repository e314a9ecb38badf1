/** Commands for bugs. */
import type { Terminal } from '../terminal.js';
import { checkWorkers, type Root } from './options.js';

export function addHunting(parser: Root, terminal: Terminal, broke: () => void): void {
  parser.command(
    'faults',
    'Hunt for bugs: the real coordinator and agents under injected faults, in virtual time',
    (command) =>
      command
        .option('seeds', { type: 'number', default: 100, describe: 'How many seeds' })
        .option('seed', { type: 'number', default: 1, describe: 'The first seed' })
        .option('minutes', { type: 'number', describe: 'End after so long, whatever is left' })
        .option('only', { type: 'string', describe: 'Of --seed, only the operations at these places: 0,3' })
        .option('mutations', {
          type: 'string',
          describe:
            'Put deliberate bugs into the protocol, one at a time, and say which seed finds each; or only NAME,NAME',
        })
        .option('workers', { type: 'number', describe: 'Processes; what is found does not depend on it' })
        .example('$0 faults --seeds 1000', 'A thousand seeds; a failing one prints how to replay it')
        .example('$0 faults --seed 7 --only 0,3', 'Two of the operations of seed 7'),
    async (args) => {
      checkWorkers(args.workers);
      const { faultsCommand, mutationsCommand } = await import('../faults.js');
      const { minutes, only, workers } = args;
      const hunt = { ...args, minutes, only, workers };
      const held = await (args.mutations === undefined
        ? faultsCommand(hunt, terminal)
        : mutationsCommand(hunt, args.mutations, terminal));
      if (!held) broke();
    },
  );
}
