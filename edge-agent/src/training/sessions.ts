/** One loaded plan at a time: rounds of one task use it again and again, and a device has no memory for two. */
import type { Plan, RuntimeOptions, TrainingRuntime, TrainingSession } from '@starling/engine';

export interface Sessions {
  /** The session of the plan whose manifest has this hash; loads it where it is not the one that is loaded. */
  get(manifestSha256: string, plan: () => Plan): Promise<TrainingSession>;
  /** Frees the loaded plan. */
  release(): Promise<void>;
}

export function createSessions(runtime: TrainingRuntime, options: RuntimeOptions): Sessions {
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
        loaded = { sha256, session: await runtime.load(plan(), options) };
      }
      return loaded.session;
    },
  };
}
