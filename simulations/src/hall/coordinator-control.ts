/** The hall's coordinator: a process that can be killed and comes back at the same place. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type OwnProcess, startCoordinatorProcess, stopProcesses } from '@starling/coordinator';
import type { Terminal } from '../commands/terminal.js';

export interface CoordinatorControl {
  readonly address: string;
  readonly folder: string;
  /** SIGKILL; settles when it is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function startCoordinator(
  hallFolder: string,
  { clock, signal }: Terminal,
): Promise<CoordinatorControl> {
  const folder = join(hallFolder, 'coordinator');
  const ports = { port: await freePort(), mqttPort: await freePort() };
  let current: OwnProcess | undefined;
  let starts = 0;
  const start = async (): Promise<void> => {
    starts += 1;
    const log = join(hallFolder, `coordinator-${starts}.log`);
    current = (await startCoordinatorProcess(folder, log, signal, ports)).own;
  };
  await start();
  return {
    address: `127.0.0.1:${ports.port}`,
    folder,
    start,
    async kill() {
      current?.child.kill('SIGKILL');
      await current?.gone;
    },
    async stop() {
      if (current !== undefined) await stopProcesses([current], clock);
    },
  };
}

/** One that was free just now: who comes back must be found where it was. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
