/**
 * A process of its own for what may end the one that does it: native code over a file from elsewhere. It is told what to
 * do by messages, has a bound of memory, can be stopped and gone on with, and is ended with SIGKILL.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock, Scheduled } from '@starling/federation';

/** Every process can say this. */
export interface Failed {
  readonly kind: 'failed';
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
}

/** Why there is no process any more. */
export type ProcessEnd =
  | { readonly kind: 'not-started'; readonly error: Error }
  | { readonly kind: 'too-much-memory' }
  /** By itself, or by whoever killed it: `SIGSEGV`, `code 1`, … */
  | { readonly kind: 'ended'; readonly how: string };

export interface OwnProcessOptions {
  /** Its compiled file. */
  readonly path: string;
  /** Most resident bytes while it works. */
  readonly memoryBytesMax: number;
  readonly clock: Clock;
  /** What is thrown at who asks a process that has ended. */
  readonly endError: (end: ProcessEnd) => Error;
}

type Message = { readonly kind: string };

export interface OwnProcess<To extends Message, From extends Message> {
  /** Rejects with what failed there, under its name and code, or with the end of the process. */
  ask<Kind extends From['kind']>(
    message: To,
    expected: Kind,
    onProgress?: (progress: Extract<From, { readonly kind: 'progress' }>) => void,
  ): Promise<Extract<From, { readonly kind: Kind }>>;
  /** Runs `work` under the memory limit and the signal; an abort ends the process. */
  during<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  readonly hasEnded: boolean;
  end(): Promise<void>;
}

const memoryEveryMs = 100;

/** The compiled file beside a module, also where tests run the sources: a process starts no TypeScript. */
export function compiledBeside(moduleUrl: string, file: string): string {
  return fileURLToPath(new URL(file, moduleUrl)).replace(
    /([\\/])src([\\/](?:identity|training|releases|testing)[\\/])/,
    '$1dist$2',
  );
}

export function startOwnProcess<To extends Message, From extends Message>(
  options: OwnProcessOptions,
): OwnProcess<To, From> {
  const { path, memoryBytesMax, clock, endError } = options;
  const heapMegabytes = Math.max(64, Math.floor(memoryBytesMax / 2 ** 20));
  const process = fork(path, [], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${heapMegabytes}`],
    // It connects to nobody, and needs none of what the agent was told.
    env: {},
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let ended: Error | undefined;
  let overLimit = false;
  const exited = new Promise<void>((resolve) => {
    // A process that cannot be started has no exit; a message that cannot be sent is told to who sent it.
    process.on('error', (error) => {
      if (process.pid !== undefined) return;
      ended = endError({ kind: 'not-started', error });
      resolve();
    });
    process.once('exit', (code, signal) => {
      ended = endError(
        overLimit ? { kind: 'too-much-memory' } : { kind: 'ended', how: signal ?? `code ${code}` },
      );
      resolve();
    });
  });

  const end = async (): Promise<void> => {
    if (ended === undefined) process.kill('SIGKILL');
    await exited;
  };

  return {
    ask: (message, expected, onProgress) =>
      new Promise((resolve, reject) => {
        const finish = (): void => {
          process.off('message', listen);
          process.off('exit', onExit);
        };
        const onExit = (): void => {
          finish();
          reject(ended);
        };
        const listen = (answer: From | Failed): void => {
          if (answer.kind === 'progress') {
            onProgress?.(answer as Extract<From, { readonly kind: 'progress' }>);
            return;
          }
          finish();
          // The kind tells its type: the process is a part of this package.
          if (answer.kind === expected) resolve(answer as Extract<From, { readonly kind: typeof expected }>);
          else if (answer.kind === 'failed') reject(failureOf(answer as Failed));
          else reject(new Error(`unexpected ${answer.kind}`));
        };
        if (ended !== undefined) return reject(ended);
        process.on('message', listen);
        process.once('exit', onExit);
        process.send(message, (error) => {
          if (error === null || ended !== undefined) return;
          finish();
          // It may be on its way out: then why it ended says more than that it does not listen.
          const isGone =
            'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_IPC_CHANNEL_CLOSED');
          if (isGone) void end().then(() => reject(ended));
          else reject(error);
        });
      }),
    signal: (name) => void process.kill(name),
    end,
    get hasEnded() {
      return ended !== undefined || overLimit;
    },
    async during(signal, work) {
      signal?.throwIfAborted();
      const stopWatching = watchMemory(process, memoryBytesMax, clock, () => {
        overLimit = true;
        process.kill('SIGKILL');
      });
      const onAbort = (): void => void end();
      signal?.addEventListener('abort', onAbort);
      try {
        return await work();
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      } finally {
        signal?.removeEventListener('abort', onAbort);
        stopWatching();
      }
    },
  };
}

/** Resident memory, which is what a device runs out of; address space says little of a runtime that maps files. */
function watchMemory(
  process: ChildProcess,
  memoryBytesMax: number,
  clock: Clock,
  onOver: () => void,
): () => void {
  let next: Scheduled | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const status = await readFile(`/proc/${process.pid}/status`, 'utf8').catch(() => '');
    const resident = 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    if (stopped) return;
    if (resident > memoryBytesMax) return onOver();
    next = clock.schedule(memoryEveryMs, () => void look());
  };
  void look();
  return () => {
    stopped = true;
    next?.cancel();
  };
}

/** As it was in the process it came from. */
function failureOf({ name, code, message }: Failed): Error {
  return Object.assign(new Error(message), { name, ...(code === undefined ? {} : { code }) });
}
