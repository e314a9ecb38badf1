export { type CheckIn, type CheckInRequest, createCheckIn } from './check-in.js';
export type { Directive } from './directive.js';
export { type Negotiated, negotiateRevision, protocolRevision, protocolRevisionMin } from './negotiate.js';
export { type PaceSettings, type PaceWindow, pacePeriodMs, paceWindow } from './pace.js';
export { type Candidates, createPool, type Outcome, type Pool, type Visitor } from './pool.js';
export { type DeviceRegistry, openDeviceRegistry } from './registry.js';
