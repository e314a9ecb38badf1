/**
 * Takes batches of all devices and makes them durable, many in one transaction. The answer to a batch is its stream's
 * watermark, and comes when that is durable.
 */
import {
  encodeMessage,
  type TelemetryBatch,
  TelemetryRecords,
  type TelemetryWatermark,
} from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import { type CheckedBatch, checkBatch } from './batch.js';
import { receive } from './receive.js';
import type { TelemetryStore, TelemetryWriter } from './store.js';

export interface TelemetryInbox {
  /**
   * Resolves with the watermark once what the batch holds is durable. Rejects with TELEMETRY_INVALID, with
   * TELEMETRY_OVERLOADED where more waits than the inbox holds, and with whatever keeps the store from writing.
   */
  take(deviceId: DeviceId, batch: TelemetryBatch): Promise<TelemetryWatermark>;
  /** Resolves when nothing waits. */
  drained(): Promise<void>;
}

interface Waiting {
  readonly deviceId: DeviceId;
  /** Settled later than it came, and in any order: the place in the queue is what counts. */
  readonly checked: Promise<CheckedBatch>;
  readonly bytes: number;
  readonly settle: (watermark: TelemetryWatermark) => void;
  readonly fail: (error: unknown) => void;
}

/** Compressed bytes that may wait to be written; devices send again what is refused beyond it. */
const waitingBytesMax = 64 * 1024 * 1024;
const batchesPerTransactionMax = 256;

export function createTelemetryInbox(store: TelemetryStore, now: () => number): TelemetryInbox {
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      const group = waiting.slice(0, batchesPerTransactionMax);
      waiting = waiting.slice(group.length);
      for (const { bytes } of group) waitingBytes -= bytes;
      const sound: { readonly deviceId: DeviceId; readonly batch: CheckedBatch; readonly from: Waiting }[] =
        [];
      for (const from of group) {
        try {
          sound.push({ deviceId: from.deviceId, batch: await from.checked, from });
        } catch (error) {
          from.fail(error);
        }
      }
      try {
        const watermarks = store.write((writer) =>
          sound.map(({ deviceId, batch }) => take(writer, deviceId, batch, now())),
        );
        for (const [index, watermark] of watermarks.entries()) sound[index].from.settle(watermark);
      } catch (error) {
        for (const { from } of sound) from.fail(error);
      }
      // Others' work gets its turn between two transactions, and more batches gather meanwhile.
      await nextTurn();
    }
    writing = undefined;
  };

  return {
    async take(deviceId, batch) {
      if (waitingBytes > waitingBytesMax) throw overloaded();
      const checked = checkBatch(batch);
      // Whoever writes hears of a refusal; until then it is no failure that nobody handles.
      checked.catch(() => {});
      const bytes = batch.records.byteLength;
      return new Promise<TelemetryWatermark>((settle, fail) => {
        waiting.push({ deviceId, checked, bytes, settle, fail });
        waitingBytes += bytes;
        writing ??= nextTurn().then(write);
      });
    },
    async drained() {
      while (writing !== undefined) await writing;
    },
  };
}

function take(
  writer: TelemetryWriter,
  deviceId: DeviceId,
  batch: CheckedBatch,
  nowMs: number,
): TelemetryWatermark {
  const { stream, epoch, firstSequence, records, losses } = batch;
  const key = { deviceId, stream, epoch };
  const next = writer.next(key);
  const receipt = receive(next, { firstSequence, recordCount: records.length, losses });
  if (receipt.kind !== 'news') return { stream, epoch, nextSequence: next };
  const fresh = receipt.skip === 0 ? records : records.slice(receipt.skip);
  if (fresh.length > 0) {
    const times = fresh.map(({ timeUnixMs }) => timeUnixMs);
    const isWhole = receipt.skip === 0;
    writer.addSegment(key, {
      firstSequence: firstSequence + receipt.skip,
      recordCount: fresh.length,
      fromMs: times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY),
      toMs: times.reduce((most, time) => Math.max(most, time), 0),
      receivedAtMs: nowMs,
      records: isWhole
        ? { kind: 'compressed', bytes: batch.compressed }
        : { kind: 'plain', bytes: encodeMessage(TelemetryRecords, { records: fresh }) },
    });
  }
  for (const gap of receipt.gaps) writer.addLoss(key, gap, nowMs);
  writer.moveTo(key, receipt.next, nowMs);
  return { stream, epoch, nextSequence: receipt.next };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function overloaded(): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'resource-exhausted',
      'TELEMETRY_OVERLOADED',
      'More telemetry waits to be written than the coordinator holds.',
      'Send the batch again later; the device keeps it meanwhile.',
      5_000,
    ),
  );
}
