/** A device that records telemetry: the agent's own buffer and links, over a state directory that outlives it. */
import {
  createOpenLink,
  enrol,
  type Log,
  openAgentDatabase,
  readIdentity,
  startTelemetry,
  systemClock,
  systemEntropy,
  type Telemetry,
  type TelemetrySettings,
  telemetryMigrations,
} from '@starling/edge-agent';
import type { TelemetryRecord } from '@starling/proto';
import { type CoordinatorAccess, enrolmentToken } from './access.js';

export interface TelemetryDevice {
  readonly telemetry: Telemetry;
  close(): void;
}

const silent: Log = { info() {}, warn() {}, error() {} };

/** Enrols the device where it is not yet. */
export async function startTelemetryDevice(
  coordinator: CoordinatorAccess,
  deviceId: string,
  stateFolder: string,
  settings: TelemetrySettings,
  log: Log = silent,
): Promise<TelemetryDevice> {
  const [clock, entropy] = [systemClock(), systemEntropy()];
  const identity =
    (await readIdentity(stateFolder)) ??
    (await enrol({
      coordinator: coordinator.address,
      stateFolder,
      token: await enrolmentToken(coordinator, deviceId),
      deviceId,
      clock,
      entropy,
      signal: new AbortController().signal,
    }));
  const database = openAgentDatabase(stateFolder, telemetryMigrations);
  const openLink = createOpenLink({ coordinator: coordinator.address, identity: () => identity, clock, log });
  const telemetry = startTelemetry({ database, settings, openLink, clock, entropy, log });
  return {
    telemetry,
    close() {
      telemetry.close();
      database.close();
    },
  };
}

/** A record whose text tells which one it is. */
export function numberedRecord(number: number, timeUnixMs: number): TelemetryRecord {
  return {
    timeUnixMs,
    name: 'reading',
    attributes: [{ key: 'sensor', value: 's1' }],
    value: { kind: 'number', value: number },
  };
}
