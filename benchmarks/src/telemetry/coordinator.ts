/** The measured coordinator, a process of its own, and a token for its one device. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, createClient, FleetService } from '@starling/proto';

export interface ServingCoordinator {
  readonly address: string;
  readonly token: string;
  /** Seconds of processor time since its start. */
  processorSeconds(): Promise<number>;
  stop(): Promise<void>;
}

const entry = fileURLToPath(new URL('../../../coordinator/bundle/main.js', import.meta.url));
/** Clock ticks of /proc a second: 100 on every Linux that Node.js runs on. */
const ticksPerSecond = 100;

/** Starts `starling serve` on an empty folder; without a broker, telemetry goes over gRPC. */
export async function startServing(withBroker: boolean): Promise<ServingCoordinator> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
  const broker = withBroker ? ['--mqtt-port', '0'] : ['--mqtt-broker', 'none'];
  const args = [entry, 'serve', '--data', folder, '--port', '0', ...broker, '--log-level', 'error', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await addressOf(child);
  return {
    address,
    token: await makeToken(address, folder),
    async processorSeconds() {
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1].split(' ');
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    async stop() {
      child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((settle, reject) => {
    if (child.stdout === null) throw new Error('the coordinator has no standard output');
    createInterface({ input: child.stdout }).once('line', (line) => {
      const { host, port } = JSON.parse(line) as { readonly host: string; readonly port: number };
      settle(`${host}:${port}`);
    });
    child.once('exit', (code) => reject(new Error(`the coordinator ended with code ${code}`)));
  });
}

async function makeToken(address: string, folder: string): Promise<string> {
  const authority = await readFile(join(folder, 'authority', 'authority.pem'), 'utf8');
  const token = (await readFile(join(folder, 'admin.token'), 'utf8')).trim();
  const connection = connect(address, { security: { kind: 'tls', authority }, token });
  try {
    const settings = { group: 'bench', deviceId: '', lifetimeMs: 3_600_000, usesMax: 1 };
    return (await createClient(FleetService, connection).createToken(settings)).text;
  } finally {
    connection.close();
  }
}
