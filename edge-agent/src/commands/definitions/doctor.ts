import type { Done, Root } from './root.js';
import { serviceArguments, serviceOptions } from './service-options.js';

export function addDoctor(parser: Root, done: Done): void {
  parser.command(
    'doctor',
    'Check whether this device can do what it is configured for',
    (command) =>
      command
        .options(serviceOptions)
        .option('state', { type: 'string', describe: 'State directory' })
        .example('$0 doctor --config /etc/starling-agent.yaml', 'What is wrong, and what to do about it'),
    async (argv) => {
      const { doctor } = await import('../doctor.js');
      done(await doctor({ ...serviceArguments(argv), state: argv.state }, argv.json));
    },
  );
}
