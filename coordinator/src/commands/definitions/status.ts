import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import type { Root } from './root.js';

export function addStatus(parser: Root, terminal: Terminal): void {
  parser.command(
    'status',
    'Show what a coordinator is doing',
    (command) => command.options(clientOptions(terminal)).example('$0 status', 'Devices, runs, memory'),
    async (args) => {
      const { showStatus } = await import('../status.js');
      await showStatus(args, terminal);
    },
  );
}
