export { makeDriftReference } from './make-reference.js';
export { type DriftSettings, defaultDriftSettings } from './monitor.js';
export type { DriftReference } from './reference.js';
export { type DriftEvent, watchDrift } from './watch.js';
