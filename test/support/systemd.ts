/** What of systemd tests need: its tools, and a socket that hears what a service tells. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type RunningProcess, startProgram } from './child-process.js';
import type { Scope } from './scope.js';

/** Why systemd's tools are not on this machine; `undefined` where they are, installed now if need be. */
export function systemdMissing(): string | undefined {
  const isThere = (): boolean =>
    ['systemd-analyze', 'systemd-notify'].every(
      (program) => spawnSync(program, ['--version']).status === 0,
    ) && spawnSync('python3', ['--version']).status === 0;
  if (isThere()) return undefined;
  const install =
    'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd python3';
  const { stderr } = spawnSync('sh', ['-c', install], { encoding: 'utf8', timeout: 120_000 });
  if (isThere()) return undefined;
  return `systemd’s tools are not installed and could not be (${String(stderr).trim().split('\n').at(-1)}); install them: apt-get install systemd python3`;
}

export interface NotifySocket {
  readonly path: string;
  readonly process: RunningProcess;
}

/** A datagram socket in the file system, as the service manager has; Node has none. It prints each message as a line. */
const listener = `
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
print("listening", flush=True)
while True:
    print(heard.recv(4096).decode(), flush=True)
`;

export async function startNotifySocket(scope: Scope, folder: string): Promise<NotifySocket> {
  const path = join(folder, 'notify');
  const process = startProgram(scope, 'python3', ['-c', listener, path]);
  await process.lineWhere('the socket', (line) => line === 'listening');
  return { path, process };
}
