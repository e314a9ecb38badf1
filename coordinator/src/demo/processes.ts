import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { type Clock, delay } from '@starling/federation';
import { UsageError } from '../commands/explain.js';

/** A process of our own, its standard error in a log file. */
export interface OwnProcess {
  readonly name: string;
  readonly child: ChildProcess;
  readonly logPath: string;
  /** Resolves when it is gone. */
  readonly gone: Promise<void>;
}

/** How long a process may take to end by itself before it is killed. */
const stopGraceMs = 5_000;

/** The compiled file, also where tests run the sources: a process starts no TypeScript. */
const endWithParent = new URL('./end-with-parent.js', import.meta.url).href.replace(
  '/src/demo/',
  '/dist/demo/',
);

/**
 * Starts a process that ends when this one does, even by SIGKILL. Ask for its standard output (`pipe`) only to read it, or
 * it waits once the pipe is full.
 */
export function startProcess(
  name: string,
  entry: string,
  args: readonly string[],
  logPath: string,
  stdout: 'pipe' | 'ignore' = 'ignore',
  env: Readonly<Record<string, string>> = {},
): OwnProcess {
  const child = spawn(process.execPath, ['--import', endWithParent, entry, ...args], {
    // Nothing is ever written to its input: it closes when this process is gone.
    stdio: ['pipe', stdout, 'pipe'],
    env: { ...process.env, ...env },
  });
  const log = createWriteStream(logPath);
  child.stderr?.pipe(log);
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return { name, child, logPath, gone };
}

/** Asks every process to end, kills those that do not, and waits until all are gone. */
export async function stopProcesses(processes: readonly OwnProcess[], clock: Clock): Promise<void> {
  for (const { child } of processes) if (isAlive(child)) child.kill('SIGTERM');
  const patience = new AbortController();
  const impatient = delay(clock, stopGraceMs, patience.signal).then(
    () => {
      for (const { child } of processes) if (isAlive(child)) child.kill('SIGKILL');
    },
    () => {},
  );
  await Promise.all(processes.map((own) => own.gone));
  patience.abort();
  await impatient;
}

export function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null && child.pid !== undefined;
}

/** Starts `starling serve`, on free ports unless told, and gives its address once it is ready. */
export async function startCoordinatorProcess(
  folder: string,
  logPath: string,
  signal: AbortSignal,
  ports: { readonly port: number; readonly mqttPort: number } = { port: 0, mqttPort: 0 },
): Promise<{ readonly own: OwnProcess; readonly address: string }> {
  const args = [
    'serve',
    '--data',
    folder,
    '--port',
    `${ports.port}`,
    '--mqtt-port',
    `${ports.mqttPort}`,
    '--json',
  ];
  const own = startProcess('coordinator', commandOf('@starling/coordinator'), args, logPath, 'pipe');
  const { stdout } = own.child;
  if (stdout === null) throw new Error('standard output was asked for as a pipe');
  const lines = createInterface({ input: stdout });
  const ended = own.gone.then((): [string] => [''], undefined);
  const [line] = await Promise.race([once(lines, 'line', { signal }) as Promise<[string]>, ended]);
  if (line === '') {
    throw new UsageError(
      `The coordinator did not start; its log is ${logPath}.`,
      'The last line of it says why.',
    );
  }
  const { host, port } = JSON.parse(line) as { readonly host: string; readonly port: number };
  return { own, address: `${host}:${port}` };
}

/**
 * The entry file of the agent. This package never imports the agent (they meet over the wire alone), it only starts
 * its command: the one named, or the one that the installed package declares.
 */
export function findAgent(named: string | undefined): string {
  if (named !== undefined) return named;
  try {
    return commandOf('@starling/edge-agent');
  } catch {
    throw new UsageError(
      'The demo starts agents, and @starling/edge-agent is not installed.',
      'Install it, or name the agent’s main.js with --agent.',
    );
  }
}

/** The file that a package's command starts with. */
function commandOf(name: string): string {
  return createRequire(import.meta.url).resolve(`${name}/command`);
}
