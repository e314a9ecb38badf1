/** An agent in this process: what the command `starling-agent` runs, and what tests and benchmarks start. */

export { systemClock } from './adapters/system-clock.js';
export { systemEntropy } from './adapters/system-entropy.js';
export { type Agent, type AgentOptions, type AgentPorts, startAgent } from './agent.js';
export type { Assignment, FinishedUpdate, Outcome, RoundKey } from './connection/assignment.js';
export { type BackoffSettings, defaultBackoff } from './connection/backoff.js';
export { defaultMachineSettings, type MachineSettings } from './connection/draft.js';
export { defaultWorkLimits, type WorkLimits } from './connection/read-assignment.js';
export type { Log } from './connection/shell.js';
export type { ExitReason } from './connection/state.js';
export {
  CallError,
  type CallFailure,
  type CheckIn,
  type Directive,
  type HeldUpload,
  type RoundState,
  type Transport,
} from './connection/transport.js';
export { AgentError, type AgentErrorCode } from './errors.js';
export {
  type Connect,
  type DeviceIdentity,
  type EnrolOptions,
  enrol,
  makeCertificateRequest,
  readIdentity,
  securityOf,
  signAsDevice,
} from './identity/index.js';
export { preload } from './preload.js';
export {
  decodeState,
  defaultReleaseSettings,
  diskFiles,
  type InstalledRelease,
  noReleases,
  openReleases,
  type ReleaseEffect,
  type ReleaseEvent,
  type ReleaseFiles,
  type ReleasePorts,
  type ReleaseReport,
  type ReleaseServing,
  type ReleaseStep,
  type Releases,
  type ReleasesState,
  type ReleaseTransport,
  reportOf,
  stepReleases,
  type WatchFigures,
} from './releases/index.js';
export { type AgentPolicy, defaultPolicy } from './secure-aggregation/policy.js';
export { type AgentDatabase, type OpenDatabase, openAgentDatabase } from './state/database.js';
export {
  createOpenLink,
  defaultTelemetry,
  type StreamSettings,
  startTelemetry,
  type Telemetry,
  type TelemetrySettings,
  telemetryMigrations,
} from './telemetry/index.js';
export { defaultIsolation, type IsolationSettings, isolatedTraining } from './training/isolated/runtime.js';
