/** `starling status`. */
import { type ClientArguments, withCoordinator } from './connection.js';
import { formatBytes, formatDuration } from './format.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export async function showStatus(args: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ operations, address }) => {
    const status = await operations.getStatus({}, { signal: terminal.signal });
    if (args.json) return printJson(terminal, { address, ...status });
    printLine(
      terminal,
      [
        `Coordinator ${status.version} at ${address}, up ${formatDuration(status.uptimeMs)}`,
        `  devices seen lately  ${status.devicesSeen}`,
        `  check-ins held open  ${status.checkInsHeld}`,
        `  runs running         ${status.runsRunning}`,
        `  memory               ${formatBytes(status.memoryBytes)}`,
      ].join('\n'),
    );
  });
}
