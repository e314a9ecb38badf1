/**
 * An update of what a device serves, as a pure state machine: looked up in the signed metadata, downloaded into the slot
 * that does not serve, tried on recent local data, activated, watched, and kept or gone back from. The runner saves each
 * state before it carries out the effects that come with it, so that after any crash the state says what to do.
 */
import type { HealthChecks, ReleaseDescription } from './description.js';
import { unhealthy, type WatchFigures } from './health.js';
import {
  failedMax,
  type InstalledRelease,
  type ModelReleases,
  nothingReleased,
  otherSlot,
  type ReleasesState,
  type SlotDelta,
  type SlotFile,
  type SlottedRelease,
} from './state.js';

export type ReleaseEvent =
  /** The process starts. */
  | { readonly kind: 'started' }
  /** It ends as it was asked to. */
  | { readonly kind: 'stopping' }
  /** What the coordinator wants this device to run; version 0 for nothing. */
  | { readonly kind: 'wanted'; readonly releases: readonly WantedRelease[] }
  /** The believed targets name it. */
  | {
      readonly kind: 'offered';
      readonly name: string;
      readonly version: number;
      readonly files: readonly SlotFile[];
      readonly deltas: readonly SlotDelta[];
    }
  /** All of it is in its slot, durably, with the hashes that were signed. */
  | ({ readonly kind: 'fetched'; readonly name: string; readonly version: number } & ReleaseDescription)
  /** The health check ended; `fault` is a sentence where it did not pass. */
  | {
      readonly kind: 'checked';
      readonly name: string;
      readonly version: number;
      readonly fault: string | undefined;
    }
  /** An attempt stopped for a reason that may pass. With `drop`, what was downloaded is of no use. */
  | {
      readonly kind: 'hindered';
      readonly name: string;
      readonly version: number;
      readonly code: string;
      readonly reason: string;
      readonly drop: boolean;
    }
  | {
      readonly kind: 'watched';
      readonly name: string;
      readonly version: number;
      readonly elapsedMs: number;
      readonly figures: WatchFigures;
    }
  /** Its scores are no longer distributed as its reference says. */
  | {
      readonly kind: 'drifted';
      readonly name: string;
      readonly version: number;
      readonly stabilityIndex: number;
    }
  /** What should serve could not be loaded, or is not in its slot any more as it was put there (`isDamaged`). */
  | {
      readonly kind: 'broken';
      readonly name: string;
      readonly version: number;
      readonly isDamaged: boolean;
      readonly reason: string;
    };

export interface WantedRelease {
  readonly name: string;
  readonly version: number;
}

export type ReleaseEffect =
  /** Refresh the metadata and look for the release there: `offered` or `hindered`. */
  | { readonly kind: 'look-up'; readonly name: string; readonly version: number }
  /** Download what is missing of it: `fetched` or `hindered`. */
  | {
      readonly kind: 'fetch';
      readonly name: string;
      readonly release: SlottedRelease;
      /** What lies whole in the other slot. */
      readonly base: InstalledRelease | undefined;
    }
  /** Try it beside what serves: `checked` or `hindered`. */
  | { readonly kind: 'check'; readonly name: string; readonly release: InstalledRelease }
  /** From now on it serves; `undefined` for what the models folder has. `broken` where it cannot. */
  | { readonly kind: 'serve'; readonly name: string; readonly release: InstalledRelease | undefined }
  /** Look at it again in a while: `watched`. */
  | { readonly kind: 'watch'; readonly name: string; readonly release: InstalledRelease }
  /** It is proven: free what was kept in memory to go back to. */
  | { readonly kind: 'settle'; readonly name: string }
  /** Tell the coordinator now. */
  | { readonly kind: 'report' };

export interface ReleaseStep {
  /** The same object where nothing changed. */
  readonly state: ReleasesState;
  readonly effects: readonly ReleaseEffect[];
}

interface ModelStep {
  readonly model: ModelReleases;
  readonly effects: readonly ReleaseEffect[];
}

export function stepReleases(state: ReleasesState, event: ReleaseEvent): ReleaseStep {
  switch (event.kind) {
    case 'started': {
      const begun = Object.entries(state.models).map(
        ([name, model]) => [name, startModel(name, model, state.alive)] as const,
      );
      const models = Object.fromEntries(begun.map(([name, { model }]) => [name, model]));
      return { state: { alive: true, models }, effects: begun.flatMap(([, { effects }]) => effects) };
    }
    case 'stopping':
      return { state: { ...state, alive: false }, effects: [] };
    case 'wanted':
      return event.releases.reduce<ReleaseStep>(
        ({ state, effects }, { name, version }) => {
          const next = changed(state, name, (model) => want(name, version, model));
          return { state: next.state, effects: [...effects, ...next.effects] };
        },
        { state, effects: [] },
      );
    default:
      return changed(state, event.name, (model) => stepModel(event, model));
  }
}

function changed(state: ReleasesState, name: string, step: (model: ModelReleases) => ModelStep): ReleaseStep {
  const before = state.models[name] ?? nothingReleased;
  const { model, effects } = step(before);
  if (model === before) return { state, effects };
  return { state: { ...state, models: { ...state.models, [name]: model } }, effects };
}

function startModel(name: string, before: ModelReleases, hasDied: boolean): ModelStep {
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

function want(name: string, version: number, before: ModelReleases): ModelStep {
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

type ModelEvent = Exclude<ReleaseEvent, { readonly kind: 'started' | 'stopping' | 'wanted' }>;

function stepModel(event: ModelEvent, before: ModelReleases): ModelStep {
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

/** Back to what served before, or on with it; this version is not tried again on this device. */
function giveUp(name: string, before: ModelReleases, reason: string): ModelStep {
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

function rested(model: ModelReleases): ModelReleases {
  return { ...model, stage: { kind: 'resting' }, hindrance: undefined };
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
