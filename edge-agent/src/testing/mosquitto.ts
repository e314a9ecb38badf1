/** A real Mosquitto for tests of what sensors publish: from the path, or from Debian where this may install. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { connectAsync, type MqttClient } from 'mqtt';
import { onTestFinished, vi } from 'vitest';

/** Undefined where it cannot be had, which is said. */
export function findMosquitto(): string | undefined {
  const found = (): string | undefined =>
    ['mosquitto', '/usr/sbin/mosquitto'].find((path) => spawnSync(path, ['-h']).error === undefined);
  if (found() === undefined && process.getuid?.() === 0) {
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'mosquitto'], { stdio: 'ignore' });
  }
  if (found() === undefined) {
    console.warn('SKIPPED: no Mosquitto here, and it cannot be installed from Debian.');
  }
  return found();
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export interface TestBroker {
  readonly url: string;
  readonly process: ChildProcess;
  /** A sensor that publishes and listens. */
  readonly sensor: MqttClient;
}

export async function startMosquitto(program: string): Promise<TestBroker> {
  const port = await freePort();
  const child = spawn(program, ['-p', String(port)], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const url = `mqtt://127.0.0.1:${port}`;
  const options = { reconnectPeriod: 0, protocolVersion: 5 } as const;
  const sensor = await vi.waitFor(() => connectAsync(url, options), 5000);
  onTestFinished(() => sensor.endAsync());
  return { url, process: child, sensor };
}
