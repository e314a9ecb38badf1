export {
  type Conditions,
  type DeviceReadings,
  defaultConditions,
  type Override,
  type PauseReason,
  pausedBecause,
} from './decide.js';
export { overrides, readOverride, writeOverride } from './override.js';
export { type ConditionsOptions, startConditions } from './start.js';
export type { TrainingGate } from './watch.js';
