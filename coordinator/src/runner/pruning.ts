/** Removes what ended runs no longer need: only while no run goes on, and no run starts meanwhile. */
import { type ArtifactStore, supersededArtifacts } from '../artifacts/index.js';
import type { Log } from '../log.js';
import type { Store } from '../storage/index.js';
import { readRun } from './run-actor.js';

export interface Pruning {
  /** Begins where no run goes on: a checkpoint may be about to be needed again. */
  begin(): void;
  /** Settles once nothing is being removed. */
  settled(): Promise<void>;
}

export interface PruningOptions {
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly log: Log;
  /** Checkpoints of an ended run that are kept beside its first; `null` keeps all. */
  readonly checkpointsKept: number | null;
  readonly isIdle: () => boolean;
}

export function createPruning({ store, artifacts, log, checkpointsKept, isIdle }: PruningOptions): Pruning {
  let pruning: Promise<void> = Promise.resolve();
  const prune = async (): Promise<void> => {
    const prunable = (await store.artifacts.list()).some(
      ({ purpose }) => purpose === 'strategy-state' || (purpose === 'checkpoint' && checkpointsKept !== null),
    );
    // Reading every log takes a while where there are many runs.
    if (!prunable) return;
    const runs = await store.runs.list();
    const logs = await Promise.all(runs.map((run) => readRun(store, run.runId)));
    await artifacts.remove(supersededArtifacts(logs, checkpointsKept));
  };
  return {
    begin() {
      if (!isIdle()) return;
      pruning = pruning.then(prune).catch((error: unknown) => log.error({ err: error }, 'pruning failed'));
    },
    settled: () => pruning,
  };
}
