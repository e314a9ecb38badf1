import { inflateRawSync } from 'node:zlib';
import {
  decodeMessage,
  ForwardTelemetryRequest,
  ForwardTelemetryResponse,
  TelemetryRecords,
} from '@starling/proto';
import type { MakeChecker } from './checker.js';

const forward = '/starling.v1.TelemetryService/ForwardTelemetry';

/** What was recorded, by whoever records. */
export interface RecordedTelemetry {
  /** Names of records by device, durable there. */
  readonly durable: Map<string, Set<string>>;
}

/**
 * Every record that became durable on a device reaches the coordinator's store once, or is reported as lost; and a device
 * is told that the coordinator has it no sooner than it has.
 */
export const telemetry =
  (recorded: RecordedTelemetry): MakeChecker =>
  ({ report, world, hostile }) => {
    const database = () => world.coordinator.disk.databases.get('/coordinator/telemetry.db')?.open;
    return {
      name: 'telemetry',
      onAnswer({ path, from }, request, answer) {
        if (path !== forward) return;
        const { watermark } = decodeMessage(ForwardTelemetryResponse, answer);
        const stored = database();
        if (watermark === undefined || stored === undefined) return;
        const next = stored
          .prepare<[string, string, string], number>(
            'SELECT next_sequence FROM telemetry_streams WHERE device_id = ? AND stream = ? AND epoch = ?',
          )
          .pluck()
          .get(from, watermark.stream, watermark.epoch);
        if ((next ?? 0) < watermark.nextSequence) {
          const { deviceId } = decodeMessage(ForwardTelemetryRequest, request);
          report(`device ${deviceId} was told of ${watermark.nextSequence}, and ${next ?? 0} is stored`);
        }
      },
      atEnd() {
        const stored = database();
        if (stored === undefined) return;
        for (const [device, names] of recorded.durable) {
          // What it said of itself may be anything.
          if (hostile.has(device)) continue;
          const found = new Map<string, number>();
          const segments = stored
            .prepare<[string], { records: Buffer }>(
              'SELECT records FROM telemetry_segments WHERE device_id = ?',
            )
            .all(device);
          for (const { records } of segments) {
            for (const { name } of decodeMessage(TelemetryRecords, inflateRawSync(records)).records) {
              found.set(name, (found.get(name) ?? 0) + 1);
            }
          }
          const lost = stored
            .prepare<[string], number | null>(
              'SELECT SUM(end_sequence - first_sequence) FROM telemetry_losses WHERE device_id = ?',
            )
            .pluck()
            .get(device);
          const missing = [...names].filter((name) => !found.has(name));
          if (missing.length > (lost ?? 0)) {
            report(
              `${missing.length} records of ${device} are missing, ${lost ?? 0} are reported as lost: ${missing[0]}`,
            );
          }
          const twice = [...found].find(([, times]) => times > 1);
          if (twice !== undefined) report(`record ${twice[0]} of ${device} is stored ${twice[1]} times`);
        }
      },
    };
  };
