import type { Terminal } from '../terminal.js';
import { isWhole, type Root } from './root.js';

export function addServe(parser: Root, terminal: Terminal): void {
  parser.command(
    'serve',
    'Start a coordinator on this machine',
    (command) =>
      command
        .option('data', {
          type: 'string',
          default: './starling-data',
          describe: 'Folder for everything it remembers',
        })
        .option('authority', {
          type: 'string',
          describe: 'Folder of an authority that is brought along',
          defaultDescription: 'made at the first start, in the folder',
        })
        .option('name', {
          type: 'string',
          array: true,
          default: [] as string[],
          describe: 'Further host name or address for its certificate',
        })
        .option('host', { type: 'string', default: '127.0.0.1', describe: 'Address to listen on' })
        .option('port', {
          type: 'number',
          default: 7443,
          describe: 'Port to listen on; 0 takes any free one',
        })
        .option('mqtt-port', {
          type: 'number',
          describe: 'Port of the broker for devices’ telemetry; 0 takes any free one',
          defaultDescription: 'one above --port',
        })
        .option('mqtt-broker', {
          type: 'string',
          conflicts: 'mqtt-port',
          describe:
            'Address, host:port, of a broker to use in place of the coordinator’s own; "none" for gRPC alone',
        })
        .option('telemetry-gigabytes', {
          type: 'number',
          default: 10,
          describe: 'Most of devices’ telemetry to keep, compressed',
        })
        .option('uploads-at-once', {
          type: 'number',
          default: 32,
          describe: 'Most updates received at a time; each takes buffers. More where devices’ links are slow',
        })
        .option('log-level', {
          choices: ['debug', 'info', 'warn', 'error', 'silent'] as const,
          default: 'info' as const,
          describe: 'Least level to log, on standard error',
        })
        .example('$0 serve', 'For agents and commands on this machine')
        .example('$0 serve --host 0.0.0.0 --data /var/lib/starling', 'For a network')
        .check(({ port }) => isWhole('port', port, 0, 65_535))
        .check((args) => isWhole('mqtt-port', args['mqtt-port'], 0, 65_535))
        .check((args) => isWhole('uploads-at-once', args['uploads-at-once'], 1, 4096))
        .check((args) => isWhole('telemetry-gigabytes', args['telemetry-gigabytes'], 1, 1_000_000)),
    async (args) => {
      const { serve } = await import('../serve.js');
      const { authority, mqttPort, mqttBroker } = args;
      await serve({ ...args, authority, mqttPort, mqttBroker }, terminal);
    },
  );
}
