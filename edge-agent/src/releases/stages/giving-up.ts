/** The way back; and forgetting it, where a person says so. */
import type { ModelStep } from '../events.js';
import { failedMax, type ModelReleases } from '../state.js';

/** Back to what served before, or on with it; this version is not tried again on this device. */
export function giveUp(name: string, before: ModelReleases, reason: string): ModelStep {
  const { active, spare, stage, failed } = before;
  if (stage.kind === 'checking') {
    const { version } = stage.release;
    const model: ModelReleases = {
      ...rested(before),
      spare: undefined,
      failed: [...failed, { version, reason }].slice(-failedMax),
    };
    return { model, effects: [{ kind: 'report' }] };
  }
  if (active === undefined) return { model: before, effects: [] };
  const model: ModelReleases = {
    ...rested(before),
    active: spare,
    spare: undefined,
    failed: [...failed, { version: active.version, reason }].slice(-failedMax),
  };
  return {
    model,
    effects: [{ kind: 'serve', name, release: spare }, { kind: 'settle', name }, { kind: 'report' }],
  };
}

/** Nothing is being updated. */
export function rested(model: ModelReleases): ModelReleases {
  return { ...model, stage: { kind: 'resting' }, hindrance: undefined };
}

/** What was given up is tried again where it is still wanted. @param version all of them where it is undefined */
export function retry(version: number | undefined, before: ModelReleases): ModelStep {
  const failed = before.failed.filter((one) => version !== undefined && one.version !== version);
  if (failed.length === before.failed.length) return { model: before, effects: [] };
  return { model: { ...before, failed }, effects: [{ kind: 'report' }] };
}
