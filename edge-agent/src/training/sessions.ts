/** One loaded plan at a time: rounds of one task use it again and again, and a device has no memory for two. */
import type {
  Plan,
  RequiredRuntime,
  RuntimeOptions,
  TrainingRuntime,
  TrainingSession,
} from '@starling/engine';
import { AgentError } from '../errors.js';

export interface Sessions {
  /** The session of the plan whose manifest has this hash; loads it where it is not the one that is loaded. */
  get(manifestSha256: string, plan: () => Plan): Promise<TrainingSession>;
  /** Frees the loaded plan. */
  release(): Promise<void>;
}

export interface SessionLimits {
  /** Names of the runtimes that this device has. */
  readonly runtimes: () => Promise<readonly string[]>;
  /** Most bytes that a plan may say it needs; any where it is absent. */
  readonly memoryBytesMax?: number | undefined;
}

export function createSessions(
  runtime: TrainingRuntime,
  options: RuntimeOptions,
  { runtimes, memoryBytesMax = Number.POSITIVE_INFINITY }: SessionLimits,
): Sessions {
  let loaded: { readonly sha256: string; readonly session: TrainingSession } | undefined;
  const release = async (): Promise<void> => {
    const last = loaded;
    loaded = undefined;
    await last?.session.release();
  };
  return {
    release,
    async get(sha256, plan) {
      if (loaded?.sha256 !== sha256) {
        await release();
        const wanted = plan();
        requireMemory(wanted.manifest.memoryBytes, memoryBytesMax);
        requireRuntime(wanted.manifest.requires.runtime, await runtimes());
        loaded = { sha256, session: await runtime.load(wanted, options) };
      }
      return loaded.session;
    },
  };
}

/** @throws AgentError `agent/plan-runtime` before anything of a plan is loaded that nothing here can run */
function requireRuntime(required: RequiredRuntime, available: readonly string[]): void {
  if (required === 'any' ? available.length > 0 : available.includes(required)) return;
  const wanted = required === 'any' ? 'onnxruntime or tfjs' : required;
  throw new AgentError(
    'agent/plan-runtime',
    `The plan needs the runtime ${wanted}, but this device has ${available.join(' and ') || 'none'}; install it, or let the task require another.`,
  );
}

/** @throws AgentError `agent/plan-memory` before anything of a plan is loaded that would take too much */
function requireMemory(neededBytes: number, bytesMax: number): void {
  if (neededBytes <= bytesMax) return;
  const [needed, allowed] = [Math.ceil(neededBytes / 1e6), Math.floor(bytesMax / 1e6)];
  throw new AgentError(
    'agent/plan-memory',
    `The plan takes about ${needed} MB to train, more than the ${allowed} MB this device allows; raise --memory-megabytes, or make the task's batchSize smaller.`,
  );
}
