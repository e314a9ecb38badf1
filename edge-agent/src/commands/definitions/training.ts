import type { Root } from './root.js';

export function addTraining(parser: Root): void {
  parser.command(
    'training <wish>',
    'Say whether this device trains, whatever its conditions',
    (command) =>
      command
        .positional('wish', {
          choices: ['auto', 'pause', 'allow'] as const,
          demandOption: true,
          describe: 'auto: as configured; pause: not at all; allow: also on battery, under load, at any hour',
        })
        .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
        .example('$0 training pause --state ./device-1', 'At once, and until "auto" or "allow"'),
    async (argv) => {
      const { writeOverride } = await import('../../conditions/override.js');
      await writeOverride(argv.state, argv.wish);
    },
  );
}
