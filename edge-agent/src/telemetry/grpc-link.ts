/** The link over gRPC, for networks that let nothing else through: each batch is a call, answered when it is durable. */
import { setMaxListeners } from 'node:events';
import {
  type Connection,
  createClient,
  decodeMessage,
  StarlingError,
  TelemetryBatch,
  TelemetryService,
} from '@starling/proto';
import type { LinkEvents, TelemetryLink } from './link.js';

/** Most calls at a time. */
const callsMax = 4;

export function openGrpcLink(connection: Connection, deviceId: string, events: LinkEvents): TelemetryLink {
  const client = createClient(TelemetryService, connection);
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const calls = new Set<Promise<void>>();
  const forward = async (batch: TelemetryBatch): Promise<void> => {
    try {
      const { watermark } = await client.forwardTelemetry({ deviceId, batch }, { signal: closing.signal });
      if (watermark !== undefined) events.onWatermark(watermark);
    } catch (error) {
      if (closing.signal.aborted) return;
      // The coordinator asks for patience: the batch is sent again when its time comes.
      if (error instanceof StarlingError && error.status === 'resource-exhausted') return;
      closing.abort();
      events.onClosed(error instanceof Error ? error.message : String(error));
    }
  };
  return {
    kind: 'grpc',
    async send(batch) {
      while (calls.size >= callsMax) await Promise.race(calls);
      if (closing.signal.aborted) throw new Error('the connection closed');
      const call = forward(decodeMessage(TelemetryBatch, batch)).finally(() => calls.delete(call));
      calls.add(call);
    },
    close: () => closing.abort(),
  };
}
