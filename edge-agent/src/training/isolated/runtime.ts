/**
 * Training in a process of its own: with lower priority, so that whoever asks a model goes first; with a limit of
 * memory, so that a plan that is too large ends alone; and stopped by SIGSTOP wherever it is while conditions do not
 * allow it, so that it goes on from there.
 */
import type {
  EvaluateOptions,
  ExampleSource,
  Plan,
  PlanManifest,
  TrainingRuntime,
  TrainingSession,
} from '@starling/engine';
import type { Clock } from '@starling/federation';
import { AgentError } from '../../errors.js';
import { compiledBeside, type OwnProcess, type ProcessEnd, startOwnProcess } from '../../isolation/index.js';
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

const rowsAtOnce = 1024;

/** A runtime whose sessions are processes. */
export function isolatedTraining(options: IsolationOptions): TrainingRuntime {
  return {
    name: 'as plans require, in a process of its own',
    load: async (plan, runtimeOptions) => startSession(plan, runtimeOptions?.threads, options),
  };
}

type Child = Pick<OwnProcess<ToChild, FromChild>, 'ask' | 'during' | 'hasEnded' | 'end'>;

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

function startChild({ settings, gate, clock }: IsolationOptions): Child {
  const { memoryBytesMax } = settings;
  const endError = (end: ProcessEnd): AgentError => {
    switch (end.kind) {
      case 'not-started':
        return new AgentError(
          'agent/training-ended',
          `No process can be started to train in: ${end.error.message}.`,
          end.error,
        );
      case 'too-much-memory':
        return new AgentError(
          'agent/training-memory',
          `Training took more than ${memoryBytesMax} bytes and was ended; allow more with "training.memoryMegabytesMax", or refuse the task.`,
        );
      case 'ended':
        return new AgentError(
          'agent/training-ended',
          `The training process ended by itself (${end.how}); the next round starts another.`,
        );
    }
  };
  const process = startOwnProcess<ToChild, FromChild>({
    path: compiledBeside(import.meta.url, './child.js'),
    ...{ memoryBytesMax, clock, endError },
  });
  return {
    ask: process.ask,
    end: process.end,
    get hasEnded() {
      return process.hasEnded;
    },
    async during(signal, work) {
      signal?.throwIfAborted();
      const follow = (): void =>
        process.signal(gate === undefined || gate.reasons.length === 0 ? 'SIGCONT' : 'SIGSTOP');
      const stopFollowing = gate?.onChange(follow);
      follow();
      try {
        return await process.during(signal, work);
      } finally {
        stopFollowing?.();
        process.signal('SIGCONT');
      }
    },
  };
}
