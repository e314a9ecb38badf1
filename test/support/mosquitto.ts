/** A real Mosquitto: installed from the distribution where it is missing, and confined as the guide says. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunningProcess, repositoryRoot, runCommand, startProgram } from './child-process.js';
import type { Scope } from './scope.js';

export interface Mosquitto extends RunningProcess {
  readonly port: number;
}

const places = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'];

/** Why there is no Mosquitto on this machine; `undefined` where there is one, installed now if need be. */
export function mosquittoMissing(): string | undefined {
  if (places.some((path) => existsSync(path))) return undefined;
  const install =
    'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mosquitto';
  const { status, stderr } = spawnSync('sh', ['-c', install], { encoding: 'utf8', timeout: 120_000 });
  if (status === 0 && places.some((path) => existsSync(path))) return undefined;
  return `Mosquitto is not installed and could not be (${stderr.trim().split('\n').at(-1) ?? `status ${status}`}); install it: apt-get install mosquitto`;
}

/** What the guide tells an operator to write into `mosquitto.conf`. */
async function documentedConfiguration(): Promise<string> {
  const guide = await readFile(join(repositoryRoot, 'docs/guides/telemetry.md'), 'utf8');
  const block = /```\n# mosquitto\.conf\n([^`]+)```/.exec(guide)?.[1];
  if (block === undefined) throw new Error('docs/guides/telemetry.md shows no mosquitto.conf');
  return block;
}

export interface MosquittoOptions {
  readonly folder: string;
  /** With the authority in it. */
  readonly coordinatorFolder: string;
  readonly port: number;
  /** Lines of configuration beyond the guide's. */
  readonly further?: string;
}

/** Starts a broker as the guide says: it believes the coordinator's authority, and has the access list beside the guide. */
export async function startMosquitto(
  scope: Scope,
  { folder, coordinatorFolder, port, further = '' }: MosquittoOptions,
): Promise<Mosquitto> {
  const program = places.find((path) => existsSync(path));
  if (program === undefined) throw new Error(mosquittoMissing() ?? 'Mosquitto is gone');
  const tls = join(folder, 'tls');
  const configuration = join(folder, 'mosquitto.conf');
  if (!existsSync(configuration)) {
    await mkdir(folder, { recursive: true });
    // Its own certificate, for the name under which clients reach it.
    const authority = join(coordinatorFolder, 'authority');
    const made = await runCommand('starling', ['authority', 'coordinator', authority, '-o', tls]);
    if (made.code !== 0) throw new Error(made.stderr);
    await copyFile(join(repositoryRoot, 'docs/guides/mosquitto.acl'), join(folder, 'acl'));
    await chmod(join(folder, 'acl'), 0o600);
    const documented = await documentedConfiguration();
    const here = documented
      .replace('listener 8883', `listener ${port} 127.0.0.1`)
      .replaceAll('./mosquitto-tls', tls)
      .replace('./mosquitto.acl', join(folder, 'acl'));
    await writeFile(configuration, `user root\n${here}${further}`);
  }
  const running = startProgram(scope, program, ['-c', configuration, '-v']);
  await running.lineWhere('running', (line) => line.includes('running'));
  return { ...running, port };
}
