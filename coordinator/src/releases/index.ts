/** What is released to the fleet: signed metadata, and rollouts that bring it to devices in stages. */
export {
  createFleetReleases,
  type FleetReleases,
  type RolloutSettings,
  type WantedRelease,
} from './fleet-releases.js';
export {
  formatLineage,
  formatOrigin,
  type Lineage,
  lineageFile,
  type ModelOrigin,
  originKey,
  readLineage,
  readOrigin,
} from './lineage.js';
export { releaseNamePattern } from './name.js';
export { openOnlineKey } from './online-key.js';
export { createReleaseRepository, type ReleaseRepository } from './repository.js';
export type { Rollout, RolloutStage, RolloutTally } from './rollout.js';
export type { DeviceRelease, ReleaseFile, ReleaseHealth, ReleaseStore, ReportedRelease } from './store.js';
