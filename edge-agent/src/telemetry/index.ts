/** What the device tells of itself: buffered through any outage, delivered once, with every loss counted. */
export { type AgentTelemetry, startAgentTelemetry } from './agent-telemetry.js';
export { telemetryMigrations } from './buffer-tables.js';
export type { LinkKind, OpenLink, TelemetryLink } from './link.js';
export { createOpenLink } from './open-link.js';
export { defaultTelemetry, type Priority, type StreamSettings, type TelemetrySettings } from './streams.js';
export { startTelemetry, type Telemetry, type TelemetryStatus } from './telemetry.js';
