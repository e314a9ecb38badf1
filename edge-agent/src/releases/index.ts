/** The agent's half of releases: what is signed is fetched, tried, watched, and kept or gone back from. */
export {
  descriptionBytesMax,
  type HealthChecks,
  type ReleaseDescription,
  readDescription,
} from './description.js';
export { diskFiles } from './disk-files.js';
export type { ReleaseEffect, ReleaseEvent, ReleaseStep, WantedRelease } from './events.js';
export { type ReleaseFiles, writeWhole } from './files.js';
export { requestsJudgedMin, unhealthy, type WatchFigures } from './health.js';
export { stepReleases } from './machine.js';
export {
  defaultReleaseSettings,
  type ReleasePorts,
  type ReleaseSettings,
  type ReleaseTransport,
} from './ports.js';
export { openReleases, type Releases } from './runner.js';
export type { ReleaseServing } from './serving.js';
export type { DeviceReleases, ReleasesConfiguration } from './start.js';
export {
  decodeState,
  type InstalledRelease,
  type ModelReleases,
  noReleases,
  type ReleaseReport,
  type ReleasesState,
  reportOf,
  type SlottedRelease,
} from './state.js';
