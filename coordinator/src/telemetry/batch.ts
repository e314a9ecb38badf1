/** Batches from the network: bounded, decompressed and decoded before anything else looks at them. */
import { promisify } from 'node:util';
import { inflateRaw, type ZlibOptions } from 'node:zlib';
import { decodeMessage, type TelemetryBatch, type TelemetryRecord, TelemetryRecords } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import type { Loss } from './receive.js';

/** A batch that keeps the promises of its form. */
export interface CheckedBatch {
  readonly stream: string;
  readonly epoch: string;
  readonly firstSequence: number;
  readonly losses: readonly Loss[];
  readonly records: readonly TelemetryRecord[];
  /** As it came: TelemetryRecords, compressed. */
  readonly compressed: Uint8Array;
}

export const compressedBytesMax = 1024 * 1024;
const recordsBytesMax = 1024 * 1024;
const recordsMax = 65_536;
const lossesMax = 4_096;
const attributesMax = 32;
/** Looked up with each call, because a simulation puts its own in its place, and may be loaded after this. */
const inflate = (bytes: Uint8Array, options: ZlibOptions) => promisify(inflateRaw)(bytes, options);

/** @throws CoordinatorError TELEMETRY_INVALID that names the field */
export async function checkBatch(batch: TelemetryBatch): Promise<CheckedBatch> {
  const { stream, epoch, firstSequence, recordCount, losses, records: compressed, recordsBytes } = batch;
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(stream)) throw invalid('stream is no name of a stream');
  if (!/^[0-9a-f]{16}$/.test(epoch)) throw invalid('epoch is not 16 hexadecimal digits');
  if (recordCount > recordsMax) throw invalid(`record_count is ${recordCount}, more than ${recordsMax}`);
  if (compressed.byteLength > compressedBytesMax)
    throw invalid(`records has more than ${compressedBytesMax} bytes`);
  if (recordsBytes > recordsBytesMax) throw invalid(`records_bytes is more than ${recordsBytesMax}`);
  if (!Number.isSafeInteger(firstSequence + recordCount)) throw invalid('first_sequence is too large');
  return {
    stream,
    epoch,
    firstSequence,
    losses: checkLosses(losses),
    records: recordCount === 0 ? [] : await decodeRecords(compressed, recordCount, recordsBytes),
    compressed,
  };
}

function checkLosses(losses: TelemetryBatch['losses']): readonly Loss[] {
  if (losses.length > lossesMax) throw invalid(`losses has ${losses.length} entries, more than ${lossesMax}`);
  let before = 0;
  return losses.map(({ firstSequence: first, endSequence: end, reason }) => {
    if (first < before || end <= first) throw invalid('losses are not in order, or overlap');
    before = end;
    return { first, end, reason };
  });
}

async function decodeRecords(
  compressed: Uint8Array,
  count: number,
  bytes: number,
): Promise<readonly TelemetryRecord[]> {
  let plain: Uint8Array;
  try {
    plain = await inflate(compressed, { maxOutputLength: Math.max(1, bytes) });
  } catch {
    throw invalid(`records is not raw deflate of ${bytes} bytes`);
  }
  if (plain.byteLength !== bytes) throw invalid(`records has ${plain.byteLength} bytes, not ${bytes}`);
  let records: readonly TelemetryRecord[];
  try {
    ({ records } = decodeMessage(TelemetryRecords, plain));
  } catch {
    throw invalid('records decompresses to no TelemetryRecords');
  }
  if (records.length !== count) throw invalid(`records holds ${records.length} records, not ${count}`);
  for (const { name, attributes } of records) {
    if (name.length === 0 || name.length > 128)
      throw invalid('a record has a name of 0 or more than 128 characters');
    if (attributes.length > attributesMax)
      throw invalid(`a record has more than ${attributesMax} attributes`);
  }
  return records;
}

function invalid(what: string): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'invalid-argument',
      'TELEMETRY_INVALID',
      `The telemetry batch cannot be taken: ${what}.`,
      'Send what TelemetryBatch in telemetry.proto describes.',
    ),
  );
}
