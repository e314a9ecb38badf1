/** The measured servers, each a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { forms, inputName, modelPath } from './models.js';

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

export interface MeasuredServer {
  readonly name: string;
  readonly port: number;
  /** Resident memory, in bytes. */
  residentBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** @param rowsMax most examples of one run; 1 turns batching off */
export async function startAgentServer(folder: string, rowsMax: number): Promise<MeasuredServer> {
  const config = join(folder, `agent-${rowsMax}.yaml`);
  const models = join(folder, 'models');
  await writeFile(
    config,
    JSON.stringify({ inference: { models, http: '127.0.0.1:0', batchRowsMax: rowsMax } }),
  );
  const entry = join(root, 'edge-agent/bundle/main.js');
  const args = [entry, 'serve', '--config', config, '--log-level', 'error', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((settle, reject) => {
    createInterface({ input: child.stdout }).once('line', settle);
    child.once('exit', (code) => reject(new Error(`the agent ended with code ${code}`)));
  });
  const { http } = JSON.parse(line) as { readonly http: string };
  return server('starling-agent', Number(http.split(':').at(-1)), child);
}

/** MLServer with the same models, one process, adaptive batching; undefined where it is not installed. */
export async function startMlserver(folder: string): Promise<MeasuredServer | undefined> {
  const python = process.env.STARLING_PEERS_MLSERVER_PYTHON ?? 'python3';
  const version = await output(python, ['-c', 'import mlserver, onnxruntime; print(mlserver.__version__)']);
  if (version === undefined) return undefined;
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const settings = {
    http_port: port,
    grpc_port: grpcPort,
    metrics_port: metricsPort,
    parallel_workers: 0,
    host: '127.0.0.1',
    debug: false,
  };
  await writeFile(join(folder, 'settings.json'), JSON.stringify(settings));
  for (const form of forms) {
    const model = {
      name: `2nn-${form}`,
      implementation: 'onnx_model.OnnxModel',
      parameters: { uri: modelPath(join(folder, 'models'), form) },
      max_batch_size: 32,
      max_batch_time: 0.002,
    };
    await writeFile(join(folder, 'models', `2nn-${form}`, 'model-settings.json'), JSON.stringify(model));
  }
  const child = spawn(python, ['-m', 'mlserver.cli.main', 'start', folder], {
    stdio: 'ignore',
    env: {
      ...process.env,
      PYTHONPATH: join(root, 'benchmarks/peers/inference-mlserver'),
      OMP_NUM_THREADS: '1',
    },
  });
  await ready(`http://127.0.0.1:${port}/v2/health/ready`, child);
  return server(`mlserver ${version}`, port, child);
}

export { inputName };

function server(name: string, port: number, child: ChildProcess): MeasuredServer {
  return {
    name,
    port,
    async residentBytes() {
      const text = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1]);
    },
    stop: () =>
      new Promise((settle) => {
        if (child.exitCode !== null || child.signalCode !== null) return settle();
        child.once('exit', () => settle());
        child.kill('SIGKILL');
      }),
  };
}

function output(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((settle) => {
    const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('error', () => settle(undefined));
    child.once('close', (code) => settle(code === 0 ? text.trim() : undefined));
  });
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (child.exitCode === null && performance.now() < deadlineMs) {
    const answered = await fetch(url).catch(() => undefined);
    if (answered?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} was not ready within a minute`);
}

function freePort(): Promise<number> {
  return new Promise((settle) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => settle(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
