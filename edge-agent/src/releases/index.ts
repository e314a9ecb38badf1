/** The agent's half of releases: what is signed is fetched, tried, watched, and kept or gone back from. */
export {
  descriptionBytesMax,
  type HealthChecks,
  type ReleaseDescription,
  readDescription,
} from './description.js';
export { diskFiles } from './disk-files.js';
export { type ReleaseFiles, writeWhole } from './files.js';
export { requestsJudgedMin, unhealthy, type WatchFigures } from './health.js';
export {
  type ReleaseEffect,
  type ReleaseEvent,
  type ReleaseStep,
  stepReleases,
  type WantedRelease,
} from './machine.js';
export {
  defaultReleaseSettings,
  openReleases,
  type ReleasePorts,
  type ReleaseSettings,
  type Releases,
  type ReleaseTransport,
} from './runner.js';
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
