/** A real coordinator process on a folder of its own. */
import { createServer } from 'node:net';
import { type RunningProcess, startProcess } from './child-process.js';
import type { Scope } from './scope.js';

export interface CoordinatorProcess extends RunningProcess {
  readonly port: number;
  readonly address: string;
  readonly folder: string;
}

export interface CoordinatorProcessOptions {
  readonly folder: string;
  readonly port?: number;
  /** Of the broker; 0, or left out, takes any free one. */
  readonly mqttPort?: number;
  /** Address of a broker of the test's own, or `none`. */
  readonly mqttBroker?: string;
  /** Folder of an authority that is brought along. */
  readonly authority?: string;
}

/** Starts a coordinator and waits until it serves. `port` 0 takes any free one. */
export async function startCoordinatorProcess(
  scope: Scope,
  { folder, port = 0, mqttPort = 0, mqttBroker, authority }: CoordinatorProcessOptions,
): Promise<CoordinatorProcess> {
  const running = startProcess(scope, 'starling', [
    'serve',
    '--data',
    folder,
    '--port',
    String(port),
    ...(mqttBroker === undefined ? ['--mqtt-port', String(mqttPort)] : ['--mqtt-broker', mqttBroker]),
    '--json',
    ...(authority === undefined ? [] : ['--authority', authority]),
  ]);
  const line = await running.lineWhere('serving', (text) => portIn(text) !== undefined);
  const bound = portIn(line) ?? 0;
  return { ...running, port: bound, address: `127.0.0.1:${bound}`, folder };
}

/** With `--json` the command says on one line that it serves, and on which port. */
function portIn(line: string): number | undefined {
  if (!line.startsWith('{')) return undefined;
  const { event, port } = JSON.parse(line) as { readonly event?: string; readonly port?: number };
  return event === 'serving' ? port : undefined;
}

/** A port that was free just now: for a coordinator that must come back on the same one. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port was given'));
        else resolve(address.port);
      });
    });
  });
}
