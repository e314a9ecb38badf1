import { AgentError } from '../../errors.js';
import type { Done, Root } from './root.js';
import { serviceArguments, serviceOptions } from './service-options.js';

export function addRun(parser: Root, done: Done): void {
  parser.command(
    'run',
    'Connect to a coordinator and take part in rounds until stopped',
    (command) =>
      command
        .option('coordinator', { type: 'string', describe: 'Address of the coordinator, host:port' })
        .option('state', { type: 'string', describe: 'Directory for id, downloads and finished updates' })
        .option('examples', {
          type: 'string',
          array: true,
          nargs: 1,
          describe: 'TASK=FOLDER, once for each task this device has examples for',
        })
        .option('device-id', { type: 'string', describe: 'Name of this device, chosen at its first start' })
        .option('token', { type: 'string', describe: 'Enrolls the device where it is not yet' })
        .option('owner-key', {
          type: 'string',
          describe: 'The only owner whose plans are obeyed; each task’s first one unless told',
        })
        .option('threads', { type: 'number', describe: 'Threads to train with; 1 unless told' })
        .option('cache-megabytes', {
          type: 'number',
          describe: 'Most megabytes of plans and checkpoints to keep',
        })
        .option('memory-megabytes', {
          type: 'number',
          describe: 'Most megabytes that training may take; plans that need more are refused',
        })
        .option('policy', {
          type: 'string',
          describe: 'YAML file with what this device demands of rounds, such as secure aggregation',
        })
        .option('telemetry', {
          type: 'boolean',
          describe:
            'Tell the coordinator of this device: metrics, warnings, events; --no-telemetry for nothing',
          defaultDescription: 'true',
        })
        .options(serviceOptions)
        .example(
          '$0 run --coordinator localhost:7443 --state ./device-1 --examples digits=./digits',
          'Train the task "digits" on the examples in ./digits',
        )
        .example('$0 run --config /etc/starling-agent.yaml --json', 'As a service, with JSON logs'),
    async (argv) => {
      const { run } = await import('../run.js');
      const { coordinator, state, examples, deviceId, token, ownerKey, policy, telemetry } = argv;
      const { threads, cacheMegabytes, memoryMegabytes } = argv;
      const numbers = {
        threads: wholeNumber('threads', threads),
        cacheMegabytes: wholeNumber('cache-megabytes', cacheMegabytes),
        memoryMegabytes: wholeNumber('memory-megabytes', memoryMegabytes),
      };
      done(
        await run(
          {
            ...{ coordinator, state, examples, deviceId, token, ownerKey, policy, telemetry },
            ...numbers,
            ...serviceArguments(argv),
          },
          argv.json,
        ),
      );
    },
  );
}

function wholeNumber(option: string, value: number | undefined): number | undefined {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
    throw new AgentError('agent/configuration', `--${option} must be a whole number of at least 1.`);
  }
  return value;
}
