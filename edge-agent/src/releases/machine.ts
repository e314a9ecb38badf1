/**
 * An update of what a device serves, as a pure state machine: looked up in the signed metadata, downloaded into the slot
 * that does not serve, tried on recent local data, activated, watched, and kept or gone back from. The runner saves each
 * state before it carries out the effects that come with it, so that after any crash the state says what to do.
 */
import type { ModelStep, ReleaseEvent, ReleaseStep } from './events.js';
import { retry } from './stages/giving-up.js';
import { startModel } from './stages/starting.js';
import { stepModel } from './stages/updating.js';
import { want } from './stages/wanting.js';
import { type ModelReleases, nothingReleased, type ReleasesState } from './state.js';

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
    case 'retried':
      return changed(state, event.name, (model) => retry(event.version, model));
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
