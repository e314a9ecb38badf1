/** What devices tell of themselves: taken durably, each record once, with every gap known. */
export type { TelemetryInbox } from './inbox.js';
export type { Loss } from './receive.js';
export { startTelemetry, type Telemetry, type TelemetryTransport } from './service.js';
export type { StoredRecord, StreamStatus, TelemetryQuery, TelemetryStore } from './store.js';
