import { type ClientArguments, clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import type { Root } from './root.js';

export function addRollout(parser: Root, terminal: Terminal): void {
  const name = { type: 'string', demandOption: true, describe: 'Name of the release' } as const;
  const release = { type: 'number', demandOption: true, describe: 'Its version, a whole number' } as const;

  parser.command('rollout', 'Bring a release to the fleet in stages', (command) => {
    const control = async (
      action: 'pause' | 'resume' | 'abort',
      args: ClientArguments & { readonly name: string },
    ): Promise<void> => {
      const { controlRollout } = await import('../rollout.js');
      await controlRollout(action, args, terminal);
    };
    return command
      .options(clientOptions(terminal))
      .command(
        'start <name> <release>',
        'Start bringing a version to devices',
        (start) =>
          start
            .positional('name', name)
            .positional('release', release)
            .option('stages', {
              type: 'string',
              default: '5,25,100',
              describe: 'Percentages of the fleet, and labels',
            })
            .option('proven', {
              type: 'number',
              default: 80,
              describe: 'Of the devices that have it, percent that must have proven it before the next stage',
            })
            .option('failures', { type: 'number', default: 1, describe: 'Devices on which it may fail' })
            .example('$0 rollout start pump 3 --stages 1,10,100', 'A canary first')
            .example('$0 rollout start pump 3 --stages site=hall-1,100', 'The devices with a label first'),
        async (args) => {
          const { startRollout } = await import('../rollout.js');
          await startRollout(args, terminal);
        },
      )
      .command(
        'pause <name>',
        'Add no devices for now',
        (pause) =>
          pause
            .positional('name', name)
            .example('$0 rollout pause pumps', 'Devices that have the version keep it'),
        (args) => control('pause', args),
      )
      .command(
        'resume <name>',
        'Go on',
        (resume) =>
          resume
            .positional('name', name)
            .example('$0 rollout resume pumps', 'Goes on at the stage it had reached'),
        (args) => control('resume', args),
      )
      .command(
        'abort <name>',
        'End it; devices go back to the version before',
        (abort) =>
          abort.positional('name', name).example('$0 rollout abort pumps', 'Devices of all stages go back'),
        (args) => control('abort', args),
      )
      .demandCommand(1, 'Say what to do with a rollout: start, pause, resume or abort.');
  });
}
