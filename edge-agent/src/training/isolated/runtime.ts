/**
 * Training in a process of its own: with lower priority, so that whoever asks a model goes first; with a limit of
 * memory, so that a plan that is too large ends alone; and stopped by SIGSTOP wherever it is while conditions do not
 * allow it, so that it goes on from there.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type {
  EvaluateOptions,
  ExampleSource,
  Plan,
  PlanManifest,
  TrainingRuntime,
  TrainingSession,
} from '@starling/engine';
import type { Clock, Scheduled } from '@starling/federation';
import { AgentError } from '../../errors.js';
import type { FromChild, ToChild } from './messages.js';

export interface IsolationSettings {
  /** 0 to 19, greater is more polite. */
  readonly niceness: number;
  /** Most resident bytes of the training process. */
  readonly memoryBytesMax: number;
}

export const defaultIsolation: IsolationSettings = { niceness: 15, memoryBytesMax: 1 << 30 };

/** What says whether training may go on. */
export interface Gate {
  readonly reasons: readonly string[];
  onChange(listener: () => void): () => void;
}

export interface IsolationOptions {
  readonly settings: IsolationSettings;
  readonly gate: Gate | undefined;
  readonly clock: Clock;
}

/** The compiled file, also where tests run the sources: a process starts no TypeScript. */
const childPath = fileURLToPath(new URL('./child.js', import.meta.url)).replace(
  /([\\/])src([\\/]training[\\/])/,
  '$1dist$2',
);

const memoryEveryMs = 250;
const rowsAtOnce = 1024;

/** A runtime whose sessions are processes. */
export function isolatedTraining(options: IsolationOptions): TrainingRuntime {
  return {
    name: 'as plans require, in a process of its own',
    load: async (plan, runtimeOptions) => startSession(plan, runtimeOptions?.threads, options),
  };
}

async function startSession(
  plan: Plan,
  threads: number | undefined,
  options: IsolationOptions,
): Promise<TrainingSession> {
  const { niceness } = options.settings;
  const start = async (): Promise<Child> => {
    const started = startChild(options);
    try {
      await started.ask(
        { kind: 'load', manifest: plan.manifest, files: plan.files, threads, niceness },
        'done',
      );
      return started;
    } catch (error) {
      await started.end();
      throw error;
    }
  };
  let child = await start();
  /** A process that was ended, by an abort or by itself, is replaced. */
  const living = async (): Promise<Child> => {
    if (child.hasEnded) child = await start();
    return child;
  };
  return {
    async train({ parameters, local, examples, epochs, learningRate, seed, signal, onProgress }) {
      const worker = await living();
      return worker.during(signal, async () => {
        await giveExamples(worker, plan.manifest, examples);
        const options = { parameters, ...(local && { local }), epochs, learningRate, seed };
        const asked = { kind: 'train', ...options } as const;
        return (await worker.ask(asked, 'trained', onProgress)).result;
      });
    },
    async evaluate({ parameters, local, examples, signal }: EvaluateOptions) {
      const worker = await living();
      return worker.during(signal, async () => {
        await giveExamples(worker, plan.manifest, examples);
        return (await worker.ask({ kind: 'evaluate', parameters, ...(local && { local }) }, 'evaluated'))
          .metrics;
      });
    },
    release: () => child.end(),
  };
}

async function giveExamples(child: Child, manifest: PlanManifest, examples: ExampleSource): Promise<void> {
  const width = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
  const [featureElements, targetElements] = [width(manifest.featureShape), width(manifest.targetShape)];
  const targetType = manifest.targetDataType === 'int32' ? 'int32' : 'float32';
  const { count } = examples;
  await child.ask({ kind: 'examples', count, featureElements, targetElements, targetType }, 'done');
  for (let first = 0; first < count; first += rowsAtOnce) {
    const rows = Math.min(rowsAtOnce, count - first);
    const indices = Uint32Array.from({ length: rows }, (_, index) => first + index);
    const features = new Float32Array(rows * featureElements);
    const targets = new (targetType === 'int32' ? Int32Array : Float32Array)(rows * targetElements);
    examples.readFeatures(indices, features);
    examples.readTargets(indices, targets);
    await child.ask({ kind: 'rows', first, features, targets }, 'done');
  }
}

interface Child {
  ask<Kind extends FromChild['kind']>(
    message: ToChild,
    expected: Kind,
    onProgress?: (progress: FromChild & { kind: 'progress' }) => void,
  ): Promise<FromChild & { kind: Kind }>;
  /** Runs `work` under the gate, the memory limit and the signal; an abort ends the process. */
  during<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T>;
  readonly hasEnded: boolean;
  end(): Promise<void>;
}

function startChild({ settings, gate, clock }: IsolationOptions): Child {
  const heapMegabytes = Math.max(64, Math.floor(settings.memoryBytesMax / 2 ** 20));
  const process = fork(childPath, [], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${heapMegabytes}`],
    // It connects to nobody, and needs none of what the agent was told.
    env: {},
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  let ended: AgentError | undefined;
  let overLimit = false;
  const exited = new Promise<void>((resolve) => {
    // A process that cannot be started has no exit; a message that cannot be sent is told to who sent it.
    process.on('error', (error) => {
      if (process.pid !== undefined) return;
      ended = new AgentError(
        'agent/training-ended',
        `No process can be started to train in: ${error.message}.`,
        error,
      );
      resolve();
    });
    process.once('exit', (code, signal) => {
      ended = overLimit
        ? new AgentError(
            'agent/training-memory',
            `Training took more than ${settings.memoryBytesMax} bytes and was ended; allow more with "training.memoryMegabytesMax", or refuse the task.`,
          )
        : new AgentError(
            'agent/training-ended',
            `The training process ended by itself (${signal ?? `code ${code}`}); the next round starts another.`,
          );
      resolve();
    });
  });

  const ask: Child['ask'] = (message, expected, onProgress) =>
    new Promise((resolve, reject) => {
      const finish = (): void => {
        process.off('message', listen);
        process.off('exit', onExit);
      };
      const onExit = (): void => {
        finish();
        reject(ended);
      };
      const listen = (answer: FromChild): void => {
        if (answer.kind === 'progress') {
          onProgress?.(answer);
          return;
        }
        finish();
        if (answer.kind === expected) resolve(answer as FromChild & { kind: typeof expected });
        else reject(answer.kind === 'failed' ? failureOf(answer) : new Error(`unexpected ${answer.kind}`));
      };
      if (ended !== undefined) return reject(ended);
      process.on('message', listen);
      process.once('exit', onExit);
      process.send(message, (error) => {
        if (error !== null && ended === undefined) {
          finish();
          reject(error);
        }
      });
    });

  const end = async (): Promise<void> => {
    if (ended === undefined) process.kill('SIGKILL');
    await exited;
  };

  return {
    ask,
    end,
    get hasEnded() {
      return ended !== undefined || overLimit;
    },
    async during(signal, work) {
      signal?.throwIfAborted();
      const follow = (): void =>
        void process.kill(gate === undefined || gate.reasons.length === 0 ? 'SIGCONT' : 'SIGSTOP');
      const stopFollowing = gate?.onChange(follow);
      follow();
      const stopWatching = watchMemory(process, settings, clock, () => {
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
        stopFollowing?.();
        process.kill('SIGCONT');
      }
    },
  };
}

/** Resident memory, which is what a device runs out of; address space says little of a runtime that maps files. */
function watchMemory(
  process: ChildProcess,
  { memoryBytesMax }: IsolationSettings,
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

/** As it was in the process it came from: its name and code decide what the round is told. */
function failureOf({ name, code, message }: FromChild & { kind: 'failed' }): Error {
  return Object.assign(new Error(message), { name, ...(code === undefined ? {} : { code }) });
}
