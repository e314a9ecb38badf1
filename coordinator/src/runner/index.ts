export { createSerialQueue } from '../serial-queue.js';
export type { Offer, SpooledPayload } from './intake.js';
export type { AppliedSignature } from './plan-owner.js';
export {
  type AgentCapabilities,
  missingCapability,
  type PreparedTask,
  secureSettingsOf,
} from './prepared-task.js';
export { readRun } from './run-actor.js';
export { createRunNotices, type RunNotices, watchRun } from './run-watch.js';
export { createRunner, type Runner } from './runner.js';
export { createSteadyTime, type SteadyTime } from './steady-time.js';
export { createTaskCatalog, type TaskCatalog } from './task-catalog.js';
export { createTraffic, type Traffic } from './traffic.js';
export { deviceSeed, type Request, type SecureWork, type Work, workOf } from './work.js';
