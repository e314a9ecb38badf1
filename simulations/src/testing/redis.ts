/** A real Redis for tests: installed from the distribution where it is missing. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Why there is no Redis on this machine; `undefined` where there is one, installed now if need be. */
export function redisMissing(): string | undefined {
  const there = (): boolean => spawnSync('redis-server', ['--version']).status === 0;
  if (there()) return undefined;
  const install =
    'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server';
  const { stderr } = spawnSync('sh', ['-c', install], { encoding: 'utf8', timeout: 120_000 });
  if (there()) return undefined;
  return `Redis is not installed and could not be (${stderr.trim().split('\n').at(-1)}); install it: apt-get install redis-server`;
}

export interface TestRedis {
  readonly port: number;
  readonly tlsPort: number;
  readonly password: string;
  /** PEM file of its own certificate, which is its authority too. */
  readonly certificate: string;
  readonly process: ChildProcess;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a server has a port');
  return address.port;
}

/** Listens on loopback, once in the clear and once by TLS, wants a password, and keeps nothing. */
export async function startRedis(folder: string): Promise<TestRedis> {
  const certificate = join(folder, 'redis.pem');
  const key = join(folder, 'redis.key');
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...[
      '-subj',
      '/CN=127.0.0.1',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-out',
      certificate,
      '-keyout',
      key,
    ],
  ]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const password = 'right horse';
  const server = spawn('redis-server', [
    ...['--bind', '127.0.0.1', '--port', `${port}`, '--tls-port', `${tlsPort}`, '--tls-auth-clients', 'no'],
    ...['--tls-cert-file', certificate, '--tls-key-file', key, '--requirepass', password],
    ...['--save', '', '--appendonly', 'no', '--dir', folder],
  ]);
  let said = '';
  for await (const line of createInterface({ input: server.stdout })) {
    said = line;
    if (line.includes('Ready to accept connections')) break;
  }
  if (!said.includes('Ready')) throw new Error(`redis-server ended: ${said}`);
  server.stdout.resume();
  return { port, tlsPort, password, certificate, process: server };
}
