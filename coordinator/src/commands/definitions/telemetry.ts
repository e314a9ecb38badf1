import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import { isWhole, type Root } from './root.js';

export function addTelemetry(parser: Root, terminal: Terminal): void {
  const device = { type: 'string', describe: 'Only of this device' } as const;
  parser.command('telemetry', 'What devices tell of themselves', (telemetry) =>
    telemetry
      .options(clientOptions(terminal))
      .command(
        'query',
        'Show records, the oldest first',
        (command) =>
          command
            .option('device', device)
            .option('stream', { type: 'string', describe: 'Only of this stream' })
            .option('name', { type: 'string', describe: 'Only records of this name' })
            .option('since', { type: 'string', describe: 'From then on: 90s, 5m, 2h, 7d ago, or a time' })
            .option('until', { type: 'string', describe: 'Before then' })
            .option('limit', { type: 'number', default: 100, describe: 'Most records to show; 0 for all' })
            .example('$0 telemetry query --device gateway-7 --since 5m', 'What it told just now')
            .example('$0 telemetry query --stream logs --limit 0 --json', 'For other programs')
            .check(({ limit }) => isWhole('limit', limit, 0, Number.MAX_SAFE_INTEGER)),
        async (args) => {
          const { queryTelemetry } = await import('../telemetry.js');
          const { device: of, stream, name, since, until } = args;
          await queryTelemetry({ ...args, device: of, stream, name, since, until }, terminal);
        },
      )
      .command(
        'streams',
        'Show how far each stream has come, and how much of it is lost',
        (command) =>
          command
            .option('device', device)
            .example('$0 telemetry streams --json', 'With the numbers of what is lost, and why'),
        async (args) => {
          const { listTelemetryStreams } = await import('../telemetry.js');
          await listTelemetryStreams({ ...args, device: args.device }, terminal);
        },
      )
      .demandCommand(1, 'Say what to do: query or streams.'),
  );
}
