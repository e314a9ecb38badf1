/** What the log says of a change of the releases' state. */
import type { Log } from '../connection/shell.js';
import type { ReleasesState } from './state.js';

export function tell(log: Log, before: ReleasesState, next: ReleasesState): void {
  for (const [name, model] of Object.entries(next.models)) {
    const was = before.models[name];
    const failed = model.failed.at(-1);
    if (failed !== undefined && !was?.failed.includes(failed)) {
      const { version, reason } = failed;
      log.warn({ release: name, version }, `Version ${version} of ${name} is given up. ${reason}`);
    }
    const { hindrance } = model;
    if (hindrance !== undefined && hindrance !== was?.hindrance) {
      const { version, code, reason } = hindrance;
      log.warn({ release: name, version, code }, `Version ${version} of ${name} has to wait. ${reason}`);
    }
    for (const { version } of was?.failed ?? []) {
      // What fell out at the far end was forgotten for want of room.
      if (version === was?.failed[0].version && model.failed.length >= was.failed.length) continue;
      if (model.failed.some((one) => one.version === version)) continue;
      log.info({ release: name, version }, `Version ${version} of ${name} may be tried again.`);
    }
    if (model.active?.version !== was?.active?.version) {
      const what = model.active === undefined ? 'no release' : `version ${model.active.version}`;
      log.info({ release: name, version: model.active?.version ?? 0 }, `Serves ${what} of ${name}.`);
    } else if (was?.stage.kind === 'watching' && model.stage.kind === 'resting') {
      log.info({ release: name }, `Version ${model.active?.version} of ${name} is proven.`);
    }
  }
}
