/** `starling status`. */
import { withCoordinator } from './connection.js';
import { formatBytes, formatDuration } from './format.js';
import type { ClientArguments } from './task.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export async function showStatus({ coordinator, json }: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(coordinator, async ({ operations, address }) => {
    const status = await operations.getStatus({}, { signal: terminal.signal });
    if (json) return printJson(terminal, { address, ...status });
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
