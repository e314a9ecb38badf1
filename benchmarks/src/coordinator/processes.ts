/** The measured coordinator, and the clients that load it, each a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));

export interface MeasuredCoordinator {
  readonly address: string;
  /** Its folder, with the authority and the operators' token. */
  readonly folder: string;
  /** Resident memory now, in bytes. */
  residentBytes(): Promise<number>;
  /** Greatest resident memory since the start or the last `forgetPeak`, in bytes. */
  peakBytes(): Promise<number>;
  forgetPeak(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts `starling serve` on an empty folder. */
export async function startCoordinator(): Promise<MeasuredCoordinator> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
  const entry = join(root, 'coordinator/bundle/main.js');
  const args = [entry, 'serve', '--data', folder, '--port', '0', '--log-level', 'error', '--json'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { host, port } = JSON.parse(await firstLine(child)) as {
    readonly host: string;
    readonly port: number;
  };
  const statusOf = async (field: string): Promise<number> => {
    const text = await readFile(`/proc/${child.pid}/status`, 'utf8');
    const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    if (kilobytes === undefined) throw new Error(`/proc/${child.pid}/status has no ${field}`);
    return 1024 * Number(kilobytes);
  };
  return {
    address: `${host}:${port}`,
    folder,
    residentBytes: () => statusOf('VmRSS'),
    peakBytes: () => statusOf('VmHWM'),
    // 5 resets the peak (proc(5)).
    forgetPeak: () => writeFile(`/proc/${child.pid}/clear_refs`, '5'),
    async stop() {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export interface Clients {
  /** The next JSON line that the clients print. */
  next<T>(): Promise<T>;
  /** Lets them go on to their next step. */
  proceed(): void;
  stop(): Promise<void>;
}

/** Starts `SCRIPT.js` beside this file with `input` as its one argument. */
export function startClients(script: string, input: unknown): Clients {
  const path = fileURLToPath(new URL(`./${script}.js`, import.meta.url));
  const child = spawn(process.execPath, [path, JSON.stringify(input)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next<T>() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${script} ended before it was done`);
      return JSON.parse(value) as T;
    },
    proceed: () => {
      child.stdin.write('\n');
    },
    stop: () => end(child),
  };
}

/** What a script of clients was started with. */
export function clientInput<T>(): T {
  return JSON.parse(process.argv[2]) as T;
}

export function report(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Resolves when the benchmark lets the clients go on. */
export function proceeded(): Promise<void> {
  return new Promise((settle) => process.stdin.once('data', () => settle()));
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((settle, reject) => {
    if (child.stdout === null) throw new Error('the coordinator has no standard output');
    createInterface({ input: child.stdout }).once('line', settle);
    child.once('exit', (code) => reject(new Error(`the coordinator ended with code ${code}`)));
  });
}

function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((settle) => {
    child.once('exit', () => settle());
    child.kill('SIGKILL');
  });
}
