/** `starling model export`. */
import { resolve } from 'node:path';
import { type ClientArguments, withCoordinator } from './connection.js';
import { exportModelTo } from './export-model.js';
import { formatBytes } from './format.js';
import { printJson, printLine, type Terminal } from './terminal.js';

export interface ExportArguments extends ClientArguments {
  readonly runId: string;
  readonly round: number | undefined;
  readonly output: string;
  readonly force: boolean;
}

export async function exportModelCommand(args: ExportArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async (remote) => {
    const run = { runId: args.runId, round: args.round ?? 0 };
    const target = { path: resolve(args.output), overwrite: args.force };
    const exported = await exportModelTo(remote, run, target, terminal);
    if (args.json) return printJson(terminal, exported);
    const { path, round, sizeBytes, sha256 } = exported;
    printLine(
      terminal,
      `${path}: the model after ${round} rounds, ${formatBytes(sizeBytes)}, SHA-256 ${sha256}.`,
    );
  });
}
