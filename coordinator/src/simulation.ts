/** What simulations put together anew: the coordinator without its sockets, and what a fleet's identities are made with. */
export {
  type OpenCoordinator,
  type OpenCoordinatorOptions,
  openCoordinator,
} from './coordinator.js';
export { initAuthorityFolder, writeCoordinatorFolder } from './identity/index.js';
export { type CoordinatorLimits, defaultLimits } from './limits.js';
export type { Log } from './log.js';
export { deviceSeed } from './runner/index.js';
export type { OpenDatabase } from './storage/index.js';
