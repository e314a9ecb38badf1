/** Operating-system processes of this project, started, read and ended by their id. */
import { type ChildProcess, spawn } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Scope } from './scope.js';
import { within } from './waiting.js';

/** The repository's root: from the source as vitest runs it, or one deeper from the build. */
const here = dirname(fileURLToPath(import.meta.url));
export const repositoryRoot = resolve(here, here.includes('/dist/') ? '../../..' : '../..');

const entries = {
  starling: 'coordinator/bundle/main.js',
  'starling-sim': 'simulations/bundle/main.js',
  'starling-agent': 'edge-agent/bundle/main.js',
} as const;

export type Command = keyof typeof entries;

/** The file that a command's process starts with. */
export const entryOf = (command: Command): string => resolve(repositoryRoot, entries[command]);

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  /** Every line of standard output and standard error so far. */
  lines(): readonly string[];
  /** The first line, past or future, that matches; rejects when the process ends without it. */
  lineWhere(what: string, matches: (line: string) => boolean, timeoutMs?: number): Promise<string>;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Exit>;
}

const alive = new Set<ChildProcess>();
const groups = new WeakSet<ChildProcess>();
// The last resort, where a worker ends before its scopes are closed.
process.on('exit', () => {
  for (const child of alive) kill(child);
});

/** With its whole group, where it has one of its own: what a shell started outlives the shell. */
function kill(child: ChildProcess): void {
  if (!groups.has(child)) child.kill('SIGKILL');
  else if (child.pid !== undefined) {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      // None of the group is left.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

export function startProcess(
  scope: Scope,
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  return startProgram(scope, process.execPath, [entryOf(command), ...args], env);
}

/** Starts any program; it ends with the scope. */
export function startProgram(
  scope: Scope,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const child = spawn(command, args, {
    cwd: repositoryRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  alive.add(child);
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    });
  }
  let hasExited = false;
  const exited = new Promise<Exit>((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      hasExited = true;
      alive.delete(child);
      settle({ code, signal });
    });
  });
  const describe = (): string => `${command} ${args.join(' ')} said:\n${lines.slice(-40).join('\n')}`;
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> => {
    if (!hasExited) child.kill(signal);
    return within(`the end of ${command} after ${signal}`, exited, { timeoutMs: 15_000, describe });
  };
  scope.onClose(() => end('SIGKILL'));
  return {
    pid: child.pid ?? -1,
    exited,
    hasExited: () => hasExited,
    lines: () => lines,
    async lineWhere(what, matches, timeoutMs = 30_000) {
      let listener: ((line: string) => void) | undefined;
      const found = new Promise<string>((settle, reject) => {
        listener = (line) => {
          if (matches(line)) settle(line);
        };
        listeners.add(listener);
        for (const line of lines) listener(line);
        exited.then(() => reject(new Error(`${command} ended before "${what}". ${describe()}`)), reject);
      });
      try {
        return await within(`"${what}" of ${command}`, found, { timeoutMs, describe });
      } finally {
        if (listener !== undefined) listeners.delete(listener);
      }
    },
    end,
  };
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function runCommand(
  command: Command,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  return runProgram(process.execPath, [entryOf(command), ...args], options);
}

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly cwd?: string;
  /** Added to this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** For a program that starts others: none of them outlives it. */
  readonly ownsGroup?: boolean;
}

/** Runs a program to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { timeoutMs = 60_000, cwd = repositoryRoot, env = {}, ownsGroup = false }: RunOptions = {},
): Promise<Finished> {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: ownsGroup,
  });
  alive.add(child);
  if (ownsGroup) groups.add(child);
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    out.stderr += text;
  });
  const exited = new Promise<Exit>((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => settle({ code, signal }));
  });
  try {
    const describe = (): string => `It said:\n${out.stdout.slice(-2000)}\n${out.stderr.slice(-2000)}`;
    const exit = await within(`the end of ${[program, ...args].join(' ')}`, exited, { timeoutMs, describe });
    return { ...exit, ...out };
  } finally {
    kill(child);
    alive.delete(child);
  }
}
