/** A process starts: what should serve is loaded, and what the process before was at is gone on with, or given up. */
import type { ModelStep, ReleaseEffect } from '../events.js';
import type { ModelReleases } from '../state.js';
import { giveUp } from './giving-up.js';

/** @param hasDied whether the process before ended without saying so */
export function startModel(name: string, before: ModelReleases, hasDied: boolean): ModelStep {
  const { stage } = before;
  const died = (crashes: number): number => crashes + (hasDied ? 1 : 0);
  if (stage.kind === 'checking') {
    const crashes = died(stage.crashes);
    const model = { ...before, stage: { ...stage, crashes } };
    if (crashes > stage.release.health.crashesMax) {
      const { model: left, effects } = giveUp(name, model, crashed(crashes, 'tried'));
      return { model: left, effects: [...servedBy(name, left), ...effects] };
    }
    return {
      model,
      effects: [...servedBy(name, model), { kind: 'check', name, release: stage.release }],
    };
  }
  if (stage.kind === 'watching' && before.active !== undefined) {
    const crashes = died(stage.crashes);
    const model = { ...before, stage: { ...stage, crashes } };
    // The loading of it may be what ends the process: what is given up is not loaded any more.
    if (crashes > before.active.health.crashesMax) return giveUp(name, model, crashed(crashes, 'watched'));
    return {
      model,
      effects: [...servedBy(name, model), { kind: 'watch', name, release: before.active }],
    };
  }
  return { model: before, effects: servedBy(name, before) };
}

function servedBy(name: string, { active }: ModelReleases): readonly ReleaseEffect[] {
  return active === undefined ? [] : [{ kind: 'serve', name, release: active }];
}

function crashed(crashes: number, what: 'tried' | 'watched'): string {
  return `The process ended ${crashes} times while it was ${what}.`;
}
