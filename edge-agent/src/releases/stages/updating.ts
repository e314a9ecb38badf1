/** An update goes forward: offered, fetched, checked, watched; or it is held up, or gone back from. */
import type { HealthChecks } from '../description.js';
import type { ModelEvent, ModelStep, ReleaseEffect } from '../events.js';
import { unhealthy } from '../health.js';
import { type ModelReleases, otherSlot, type SlotFile, type SlottedRelease } from '../state.js';
import { giveUp, rested } from './giving-up.js';

export function stepModel(event: ModelEvent, before: ModelReleases): ModelStep {
  const { name, version } = event;
  const { active, spare, stage, failed } = before;
  const unchanged: ModelStep = { model: before, effects: [] };
  switch (event.kind) {
    case 'offered': {
      if (stage.kind === 'watching' || version === active?.version) return unchanged;
      if (failed.some((one) => one.version === version)) return unchanged;
      const { files, deltas } = event;
      if (stage.kind === 'fetching' && isSame(stage.release, version, files)) {
        return { model: before, effects: [{ kind: 'fetch', name, release: stage.release, base: active }] };
      }
      const hindrance = undefined;
      if (spare !== undefined && isSame(spare, version, files)) {
        const model: ModelReleases = {
          ...before,
          hindrance,
          stage: { kind: 'checking', release: spare, crashes: 0 },
        };
        return { model, effects: [{ kind: 'check', name, release: spare }] };
      }
      const release = { version, slot: otherSlot(active?.slot), files, deltas };
      const model: ModelReleases = {
        ...before,
        hindrance,
        spare: undefined,
        stage: { kind: 'fetching', release },
      };
      return { model, effects: [{ kind: 'fetch', name, release, base: active }, { kind: 'report' }] };
    }
    case 'fetched': {
      if (stage.kind !== 'fetching' || stage.release.version !== version) return unchanged;
      const { health, task } = event;
      const release = { ...stage.release, health, task };
      const model: ModelReleases = {
        ...before,
        hindrance: undefined,
        stage: { kind: 'checking', release, crashes: 0 },
      };
      return { model, effects: [{ kind: 'check', name, release }] };
    }
    case 'checked': {
      if (stage.kind !== 'checking' || stage.release.version !== version) return unchanged;
      if (event.fault !== undefined) return giveUp(name, before, event.fault);
      const { release } = stage;
      const model: ModelReleases = {
        ...before,
        active: release,
        spare: active,
        stage: { kind: 'watching', remainingMs: release.health.watchMs, crashes: 0 },
        hindrance: undefined,
      };
      const effects: readonly ReleaseEffect[] = [
        { kind: 'serve', name, release },
        { kind: 'watch', name, release },
        { kind: 'report' },
      ];
      return { model, effects };
    }
    case 'hindered': {
      const hindrance = { version, code: event.code, reason: event.reason };
      const known = before.hindrance;
      const isKnown =
        known?.version === version && known.code === event.code && known.reason === event.reason;
      const isDropped =
        event.drop &&
        (stage.kind === 'fetching' || stage.kind === 'checking') &&
        stage.release.version === version;
      if (isKnown && !isDropped) return unchanged;
      const model = isDropped ? { ...rested(before), hindrance } : { ...before, hindrance };
      return { model, effects: isKnown ? [] : [{ kind: 'report' }] };
    }
    case 'watched': {
      if (stage.kind !== 'watching' || active?.version !== version) return unchanged;
      const fault = unhealthy(active.health, event.figures);
      if (fault !== undefined) return giveUp(name, before, fault);
      const remainingMs = stage.remainingMs - event.elapsedMs;
      if (remainingMs > 0) {
        const model = { ...before, stage: { ...stage, remainingMs } };
        return { model, effects: [{ kind: 'watch', name, release: active }] };
      }
      return { model: rested(before), effects: [{ kind: 'settle', name }, { kind: 'report' }] };
    }
    case 'drifted': {
      if (stage.kind !== 'watching' || active?.version !== version) return unchanged;
      const { scoreDriftMax }: HealthChecks = active.health;
      if (scoreDriftMax === null || event.stabilityIndex <= scoreDriftMax) return unchanged;
      const found = `${event.stabilityIndex.toFixed(2)}; ${scoreDriftMax} are allowed`;
      return giveUp(name, before, `Its scores have a stability index of ${found}.`);
    }
    case 'broken': {
      if (active?.version !== version) return unchanged;
      if (stage.kind === 'watching' && !event.isDamaged) return giveUp(name, before, event.reason);
      // It served well until then, or the disk is to blame: it may come again.
      const model: ModelReleases = {
        ...rested(before),
        active: spare,
        spare: undefined,
        hindrance: {
          version,
          code: event.isDamaged ? 'agent/slot-damaged' : 'inference/model-invalid',
          reason: event.reason,
        },
      };
      return { model, effects: [{ kind: 'serve', name, release: spare }, { kind: 'report' }] };
    }
  }
}

function isSame(release: SlottedRelease, version: number, files: readonly SlotFile[]): boolean {
  return (
    release.version === version &&
    release.files.length === files.length &&
    release.files.every(
      (file, index) => file.sha256 === files[index].sha256 && file.name === files[index].name,
    )
  );
}
