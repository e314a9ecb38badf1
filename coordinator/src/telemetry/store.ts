/** What is kept of telemetry, as a port. */
import type { TelemetryRecord } from '@starling/proto';
import type { DeviceId } from '../ids.js';
import type { Loss } from './receive.js';

/** One numbering of one stream of one device. */
export interface StreamKey {
  readonly deviceId: DeviceId;
  readonly stream: string;
  readonly epoch: string;
}

/** Consecutive records, kept as they came. */
export interface NewSegment {
  readonly firstSequence: number;
  readonly recordCount: number;
  /** Of the device's clock: the least and the greatest time, milliseconds since the epoch. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly receivedAtMs: number;
  /** TelemetryRecords; compressed as RFC 1951 says, or not. */
  readonly records: { readonly kind: 'compressed' | 'plain'; readonly bytes: Uint8Array };
}

/** Within one transaction. */
export interface TelemetryWriter {
  /** The number that is expected of the stream; 0 for one that is new. */
  next(key: StreamKey): number;
  addSegment(key: StreamKey, segment: NewSegment): void;
  addLoss(key: StreamKey, loss: Loss, nowMs: number): void;
  moveTo(key: StreamKey, next: number, nowMs: number): void;
}

export interface TelemetryQuery {
  readonly deviceId: DeviceId | undefined;
  readonly stream: string | undefined;
  readonly name: string | undefined;
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

export interface StoredRecord extends StreamKey {
  readonly sequence: number;
  readonly record: TelemetryRecord;
}

export interface StreamStatus extends StreamKey {
  readonly next: number;
  readonly recordsHeld: number;
  readonly heldBytes: number;
  readonly losses: readonly Loss[];
  readonly updatedAtMs: number;
}

export interface TelemetryStore {
  /** One transaction; durable when it returns. */
  write<T>(work: (writer: TelemetryWriter) => T): T;
  /** In the order of their segments' times; within a segment in the order of their numbers. */
  query(query: TelemetryQuery): Iterable<StoredRecord>;
  streams(deviceId: DeviceId | undefined): readonly StreamStatus[];
  /** Removes the oldest segments until at most `bytesMax` are kept; gives how many records went. */
  shrink(bytesMax: number): number;
  close(): void;
}
