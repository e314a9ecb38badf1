/** The coordinator says which version this device should run. */
import type { ModelStep } from '../events.js';
import type { ModelReleases } from '../state.js';
import { rested } from './giving-up.js';

/** @param version 0 for nothing */
export function want(name: string, version: number, before: ModelReleases): ModelStep {
  const { active, spare, stage, failed } = before;
  if (stage.kind === 'watching' && version !== active?.version) {
    // It is wanted no more, though nothing is known against it here.
    if (version !== (spare?.version ?? 0)) return { model: before, effects: [] };
    const model = { ...rested(before), active: spare, spare: active };
    return { model, effects: [{ kind: 'serve', name, release: spare }, { kind: 'report' }] };
  }
  if (version === (active?.version ?? 0)) {
    const idle = stage.kind === 'resting' || stage.kind === 'watching';
    if (idle && before.hindrance === undefined) return { model: before, effects: [] };
    return { model: idle ? { ...before, hindrance: undefined } : rested(before), effects: [] };
  }
  if (version === 0) {
    const model = { ...rested(before), active: undefined, spare: active };
    return { model, effects: [{ kind: 'serve', name, release: undefined }, { kind: 'report' }] };
  }
  if (failed.some((one) => one.version === version)) return { model: before, effects: [] };
  if (stage.kind === 'checking' && stage.release.version === version) {
    return { model: before, effects: [{ kind: 'check', name, release: stage.release }] };
  }
  return { model: before, effects: [{ kind: 'look-up', name, version }] };
}
