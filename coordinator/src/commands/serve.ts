/** `starling serve`. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createLog, type LogLevel } from '../log.js';
import { startCoordinator } from '../server.js';
import { printJson, remark, type Terminal } from './terminal.js';

export interface ServeArguments {
  readonly data: string;
  readonly authority: string | undefined;
  readonly name: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly logLevel: LogLevel;
  readonly json: boolean;
}

/** Serves until the user wants it to end. With `json`, one line on standard output says that it is ready, and where. */
export async function serve(args: ServeArguments, terminal: Terminal): Promise<void> {
  const folder = resolve(args.data);
  const log = createLog(args.logLevel);
  const coordinator = await startCoordinator({
    folder,
    authorityFolder: args.authority && resolve(args.authority),
    names: args.name,
    host: args.host,
    port: args.port,
    log,
  });
  if (coordinator.adminTokenMadeAt !== undefined) {
    remark(
      terminal,
      `The operators’ token is in ${coordinator.adminTokenMadeAt}; commands on this machine find it.`,
    );
  }
  if (args.json) printJson(terminal, { event: 'serving', ...coordinator.address, folder });
  if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
  log.info({}, 'coordinator closes');
  await coordinator.close();
}
