/** The way to the coordinator's store, as a port: batches go up, watermarks come down. */
import type { TelemetryWatermark } from '@starling/proto';

export type LinkKind = 'mqtt-5' | 'mqtt-3.1.1' | 'grpc';

export interface TelemetryLink {
  readonly kind: LinkKind;
  /** Takes an encoded TelemetryBatch; resolves when the next one may be given. Rejects where the link is broken. */
  send(batch: Uint8Array): Promise<void>;
  close(): void;
}

export interface LinkEvents {
  onWatermark(watermark: TelemetryWatermark): void;
  /** Once, unless `close` was called before. */
  onClosed(why: string): void;
}

/** Opens one connection; rejects with a sentence that says why there is none. */
export type OpenLink = (events: LinkEvents, signal: AbortSignal) => Promise<TelemetryLink>;
