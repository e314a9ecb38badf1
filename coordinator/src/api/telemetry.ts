import type {
  Handlers,
  StoredTelemetryRecord,
  TelemetryQueryService,
  TelemetryService,
  TelemetryStream,
} from '@starling/proto';
import { requireField } from '@starling/proto';
import type { StoredRecord, StreamStatus, Telemetry } from '../telemetry/index.js';
import { streamToWire, toWire } from './errors.js';
import { callingDevice, deviceIdOf } from './parse.js';

export function telemetryHandlers({
  inbox,
  route,
}: Pick<Telemetry, 'inbox' | 'route'>): Handlers<typeof TelemetryService> {
  return {
    getTelemetryRoute: async () => ({ route }),

    forwardTelemetry: (request, context) =>
      toWire(async () => {
        const deviceId = callingDevice(request.deviceId, context);
        const batch = requireField(request.batch, 'ForwardTelemetryRequest.batch');
        return { watermark: await inbox.take(deviceId, batch) };
      }),
  };
}

const recordsPerMessage = 500;

export function telemetryQueryHandlers({
  store,
}: Pick<Telemetry, 'store'>): Handlers<typeof TelemetryQueryService> {
  return {
    queryTelemetry: (request, context) =>
      streamToWire(async function* () {
        const { deviceId, stream, name, fromMs, toMs, limit } = request;
        let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
        let records: StoredTelemetryRecord[] = [];
        const query = {
          deviceId: deviceId === '' ? undefined : deviceIdOf(deviceId),
          stream: stream === '' ? undefined : stream,
          name: name === '' ? undefined : name,
          fromMs,
          toMs: toMs === 0 ? Number.MAX_SAFE_INTEGER : toMs,
        };
        for (const record of store.query(query)) {
          records.push(recordToWire(record));
          left -= 1;
          if (left === 0) break;
          if (records.length < recordsPerMessage) continue;
          yield { records };
          records = [];
        }
        if (records.length > 0) yield { records };
      }, context),

    listTelemetryStreams: ({ deviceId }) =>
      toWire(async () => ({
        streams: store.streams(deviceId === '' ? undefined : deviceIdOf(deviceId)).map(streamToWireMessage),
      })),
  };
}

function recordToWire({ deviceId, stream, epoch, sequence, record }: StoredRecord): StoredTelemetryRecord {
  return { deviceId, stream, epoch, sequence, record };
}

function streamToWireMessage(status: StreamStatus): TelemetryStream {
  const { deviceId, stream, epoch, next, recordsHeld, heldBytes, losses, updatedAtMs } = status;
  return {
    deviceId,
    stream,
    epoch,
    nextSequence: next,
    recordsHeld,
    heldBytes,
    losses: losses.map(({ first, end, reason }) => ({ firstSequence: first, endSequence: end, reason })),
    updatedAtMs,
  };
}
