/** Whatever happens in whatever order: what serves is whole, nothing is written over it, and what was given up stays so. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReleaseEvent } from './events.js';
import { stepReleases } from './machine.js';
import { decodeState, encodeState, noReleases, type ReleasesState } from './state.js';

const name = 'pump';
const health = {
  ...{ watchMs: 100, latencyMsMax: 5, accuracyMin: null, agreementMin: null },
  ...{ errorShareMax: 0.05, crashesMax: 1, scoreDriftMax: 1 },
};
const figures = (latencyP99Ms: number) => ({
  requests: 50,
  failures: 0,
  latencyP99Ms,
  failureShareBefore: 0,
});
const hash = (of: number, salt: number): string => String(of * 10 + salt).padStart(64, '0');

interface Chance {
  readonly kind: ReleaseEvent['kind'];
  readonly version: number;
  /** Whether it is of the version that things are about, as events mostly are. */
  readonly isApt: boolean;
  readonly flag: boolean;
}

const kinds = [
  ...(['started', 'stopping', 'wanted', 'hindered', 'broken', 'retried'] as const),
  // What brings an update forward comes more often.
  ...([
    'offered',
    'offered',
    'fetched',
    'fetched',
    'checked',
    'checked',
    'watched',
    'watched',
    'watched',
  ] as const),
];

const chance: fc.Arbitrary<Chance> = fc.record({
  kind: fc.constantFrom(...kinds),
  version: fc.integer({ min: 1, max: 4 }),
  isApt: fc.integer({ min: 0, max: 4 }).map((number) => number > 0),
  flag: fc.integer({ min: 0, max: 4 }).map((number) => number > 0),
});

function eventOf({ kind, version, isApt, flag }: Chance, { models }: ReleasesState): ReleaseEvent {
  const { stage, active } = models[name] ?? {};
  const tried =
    stage?.kind === 'fetching' || stage?.kind === 'checking' ? stage.release.version : active?.version;
  const of = { name, version: isApt && kind !== 'offered' ? (tried ?? version) : version };
  switch (kind) {
    case 'started':
    case 'stopping':
      return { kind };
    case 'retried':
      return { kind, name, version: flag ? version : undefined };
    case 'wanted':
      return { kind, releases: [{ name, version: flag ? version : 0 }] };
    case 'offered':
      return {
        ...{ kind, ...of, deltas: [] },
        files: [{ name: 'model.onnx', sha256: hash(version, flag ? 0 : 1), sizeBytes: 9 }],
      };
    case 'fetched':
      return { kind, ...of, task: name, health };
    case 'checked':
      return { kind, ...of, fault: flag ? undefined : 'It is bad.' };
    case 'hindered':
      return { kind, ...of, code: 'X', reason: 'Why.', drop: flag };
    case 'watched':
      return { kind, ...of, elapsedMs: 60, figures: figures(flag ? 1 : 9) };
    case 'broken':
      return { kind, ...of, isDamaged: flag, reason: 'Why.' };
    case 'drifted':
      return { kind, ...of, stabilityIndex: flag ? 0.5 : 2 };
  }
}

test('in hundreds of histories', () => {
  let changes = 0;
  fc.assert(
    fc.property(fc.array(chance, { minLength: 40, maxLength: 60 }), (chances) => {
      let state: ReleasesState = noReleases;
      /** What lies whole in each slot, by its hash. */
      const slots = new Map<string, string>();
      const failed = new Set<number>();
      for (const chance of chances) {
        const one = eventOf(chance, state);
        const before = state.models[name];
        if (
          one.kind === 'fetched' &&
          before?.stage.kind === 'fetching' &&
          before.stage.release.version === one.version
        ) {
          slots.set(before.stage.release.slot, before.stage.release.files[0].sha256);
        }
        const { state: next, effects } = stepReleases(state, one);
        // What is saved is all that there is to know.
        state = decodeState(encodeState(next));
        if (one.kind === 'retried') {
          if (one.version === undefined) failed.clear();
          else failed.delete(one.version);
        }
        const model = state.models[name];
        for (const effect of effects) {
          if (effect.kind === 'fetch') {
            expect(effect.release.slot).not.toBe(model.active?.slot);
            slots.delete(effect.release.slot);
          }
          if (effect.kind === 'fetch' || effect.kind === 'check') {
            expect(failed.has(effect.release.version)).toBe(false);
          }
          if (effect.kind === 'serve') expect(effect.release).toEqual(model.active);
          if (effect.kind === 'serve' && effect.release !== undefined) {
            const { slot, files, version: served } = effect.release;
            changes += 1;
            expect(slots.get(slot)).toBe(files[0].sha256);
            expect(failed.has(served)).toBe(false);
          }
          if (effect.kind === 'watch') expect(model.stage.kind).toBe('watching');
        }
        for (const release of [model?.active, model?.spare]) {
          if (release !== undefined) expect(slots.get(release.slot)).toBe(release.files[0].sha256);
        }
        if (model?.active !== undefined) expect(model.spare?.slot).not.toBe(model.active.slot);
        for (const given of model?.failed ?? []) failed.add(given.version);
      }
    }),
    { numRuns: 250 },
  );
  expect(changes).toBeGreaterThan(100);
});
