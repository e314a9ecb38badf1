/** One loaded plan at a time: rounds of one task use it again and again, and a device has no memory for two. */
import type { Plan, RuntimeOptions, TrainingRuntime, TrainingSession } from '@starling/engine';
import { AgentError } from '../errors.js';

export interface Sessions {
  /** The session of the plan whose manifest has this hash; loads it where it is not the one that is loaded. */
  get(manifestSha256: string, plan: () => Plan): Promise<TrainingSession>;
  /** Frees the loaded plan. */
  release(): Promise<void>;
}

export function createSessions(
  runtime: TrainingRuntime,
  options: RuntimeOptions,
  memoryBytesMax = Number.POSITIVE_INFINITY,
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
        loaded = { sha256, session: await runtime.load(wanted, options) };
      }
      return loaded.session;
    },
  };
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
