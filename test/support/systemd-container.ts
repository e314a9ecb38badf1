/** A machine of its own for tests of services: systemd as its first process, with this machine's programs and network. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Finished, repositoryRoot, runProgram, startProgram } from './child-process.js';
import { type Scope, temporaryFolder } from './scope.js';
import { until } from './waiting.js';

/** Why no systemd can be started here; `undefined` where it can, its container installed now if need be. */
export function containerMissing(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    return 'a systemd of the test’s own is started by root on Linux only';
  }
  const isThere = (): boolean => spawnSync('systemd-nspawn', ['--version']).status === 0;
  if (isThere()) return undefined;
  const install =
    'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd-container';
  const { stderr } = spawnSync('sh', ['-c', install], { encoding: 'utf8', timeout: 120_000 });
  if (isThere()) return undefined;
  return `systemd-nspawn is not installed and could not be (${String(stderr).trim().split('\n').at(-1)}); install it: apt-get install systemd-container`;
}

export interface SystemdContainer {
  systemctl(...args: string[]): Promise<Finished>;
  /** A property of a unit, as `systemctl show` tells it. */
  property(unit: string, name: string): Promise<string>;
  /** Waits until a unit is active again after so many restarts. */
  activeAfter(unit: string, restarts: number): Promise<void>;
}

/**
 * In a control group of its own, so that several of these, and a systemd of the machine's own, are not in each other's way: where
 * none runs, systemd-nspawn takes the group that it is started in.
 */
const start = `
name=$1; shift
groups=$(awk '$3 == "cgroup2" || ($3 == "cgroup" && $4 ~ /name=systemd/) { print $2 }' /proc/self/mounts)
for group in $groups; do mkdir "$group/$name" && echo $$ > "$group/$name/cgroup.procs"; done
exec systemd-nspawn "$@"
`;
const clear = `
for group in $(awk '$3 ~ /^cgroup2?$/ { print $2 }' /proc/self/mounts); do
  [ -d "$group/$1" ] && find "$group/$1" -depth -type d -exec rmdir {} \\;
done
exit 0
`;

/** In the container, for to look again and again from here would take a processor. */
const activeAfter = `
until [ "$(systemctl show --property=NRestarts --property=ActiveState --value "$1" | sort | tr '\\n' ' ')" = "$2 active " ]; do
  sleep 0.1
done
`;

/**
 * Starts systemd and waits until it manages units.
 *
 * @param files text by path in the container, units among them; folders are made
 * @param shown folders of this machine that are there too, read only, by path in the container
 */
export async function startSystemd(
  scope: Scope,
  files: Readonly<Record<string, string>>,
  shown: Readonly<Record<string, string>>,
): Promise<SystemdContainer> {
  const folder = await temporaryFolder(scope, 'systemd');
  const root = join(folder, 'root');
  await mkdir(join(root, 'usr'), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
  const standing = {
    '/etc/os-release': 'ID=test\n',
    // DynamicUser makes users that only systemd knows.
    '/etc/nsswitch.conf': 'passwd: files systemd\ngroup: files systemd\nhosts: files\n',
    '/etc/hosts': '127.0.0.1 localhost\n',
    '/etc/systemd/system/tested.target': '[Unit]\nDescription=What is tested is started by the test\n',
  };
  for (const [path, text] of Object.entries({ ...standing, ...files })) {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  const name = `starling-${randomBytes(6).toString('hex')}`;
  scope.onClose(() => runProgram('sh', ['-c', clear, 'clear', name]));
  const nspawn = startProgram(scope, 'sh', [
    ...['-c', start, 'start', name, '--quiet', '--boot', '--machine', name, '--directory', root],
    ...['--register=no', '--keep-unit', '--console=pipe', '--bind-ro=/usr', '--resolv-conf=off'],
    ...Object.entries(shown).map(([inside, here]) => `--bind-ro=${here}:${inside}`),
    ...['--', '--unit=tested.target'],
  ]);
  // Its first process, seen from here: ended at once, and with it all of the container. systemd-nspawn has another child
  // before it, which on a busy machine is still there.
  const first = await until('the first process', async () => {
    const { stdout } = await runProgram('pgrep', ['-P', String(nspawn.pid), '-x', 'systemd']);
    if (nspawn.hasExited()) throw new Error(`systemd-nspawn ended: ${nspawn.lines().join('\n')}`);
    return stdout.trim().split('\n')[0] || undefined;
  });
  scope.onClose(async () => {
    // It may have ended by itself.
    if (!nspawn.hasExited()) process.kill(Number(first), 'SIGKILL');
    await nspawn.exited;
  });
  const inside = (...words: string[]) => runProgram('nsenter', ['--target', first, '--all', ...words]);
  const systemctl = (...args: string[]) => inside('systemctl', '--no-pager', ...args);
  await until(
    'systemd',
    async () => {
      const { stdout } = await systemctl('is-system-running');
      return /running|degraded/.test(stdout) ? true : undefined;
    },
    { timeoutMs: 90_000, describe: () => nspawn.lines().join('\n') },
  );
  return {
    systemctl,
    async property(unit, name) {
      return (await systemctl('show', '--property', name, '--value', unit)).stdout.trim();
    },
    async activeAfter(unit, restarts) {
      await inside('sh', '-c', activeAfter, 'activeAfter', unit, String(restarts));
    },
  };
}

/** The agent's command and what it needs, for `startSystemd`: at a place where no hardening hides it. */
export const installedAgent = {
  command: '/opt/starling/starling-agent',
  files: {
    '/opt/starling/starling-agent':
      '#!/bin/sh\nexec /opt/node/node /opt/starling/repository/edge-agent/bundle/main.js "$@"\n',
  },
  shown: { '/opt/starling/repository': repositoryRoot, '/opt/node': dirname(process.execPath) },
} as const;
