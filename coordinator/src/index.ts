/** The coordinator: `startCoordinator` serves; the state machines run without it, for simulations and tests. */
export { applySigned, signDefinition } from './commands/apply-signed.js';
export { askSigned, type Question } from './commands/ask-signed.js';
export { type Remote, withCredentials } from './commands/connection.js';
export { readCredentials } from './commands/credentials.js';
export {
  isAlive,
  type OwnProcess,
  startCoordinatorProcess,
  startProcess,
  stopProcesses,
} from './demo/processes.js';
export { CoordinatorError, type Refusal } from './errors.js';
export * from './ids.js';
export { type CoordinatorLimits, defaultLimits } from './limits.js';
export { createLog, type Log, type LogLevel } from './log.js';
export * from './rounds/index.js';
export * from './runs/index.js';
export { type Coordinator, type CoordinatorOptions, startCoordinator } from './server.js';
export { formatTask, parseTask, planStatement } from './tasks/index.js';
