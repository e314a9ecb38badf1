export { type ArtifactHandlersOptions, artifactHandlers } from './artifacts.js';
export { type CheckInHandlersOptions, checkInHandlers } from './check-in.js';
export { type EnrolmentHandlersOptions, enrolmentHandlers } from './enrolment.js';
export { type FleetHandlersOptions, fleetHandlers } from './fleet.js';
export { type CoordinatorStatus, type OperationsHandlersOptions, operationsHandlers } from './operations.js';
export { releaseHandlers, releaseOperationsHandlers } from './releases.js';
export { type RoundHandlersOptions, roundHandlers } from './rounds.js';
export { secureAggregationHandlers } from './secure-aggregation.js';
export { telemetryHandlers, telemetryQueryHandlers } from './telemetry.js';
