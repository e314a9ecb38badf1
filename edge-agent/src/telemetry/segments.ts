/** Segments: records of one write that are stored, sent and given up together. */
import type { TelemetryRecord } from '@starling/proto';

/** Few enough that the budget gives up little at a time. */
export const segmentRecordsMax = 256;
/** Small enough that any segment fits into a batch. */
const segmentBytesMax = 128 * 1024;

export function splitIntoSegments(
  records: readonly TelemetryRecord[],
): readonly (readonly TelemetryRecord[])[] {
  const segments: TelemetryRecord[][] = [];
  let current: TelemetryRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = encodedBytesMax(record);
    if (current.length > 0 && (current.length === segmentRecordsMax || bytes + size > segmentBytesMax)) {
      segments.push(current);
      [current, bytes] = [[], 0];
    }
    current.push(record);
    bytes += size;
  }
  if (current.length > 0) segments.push(current);
  return segments;
}

/** No less than the record takes when it is encoded: a character may take three bytes. */
function encodedBytesMax({ name, attributes, value }: TelemetryRecord): number {
  let bytes = 64 + 3 * name.length;
  for (const attribute of attributes) bytes += 16 + 3 * (attribute.key.length + attribute.value.length);
  switch (value?.kind) {
    case 'text':
      return bytes + 3 * value.value.length;
    case 'data':
      return bytes + value.value.byteLength;
    case 'histogram':
      return bytes + 32 * value.value.buckets.length;
    default:
      return bytes;
  }
}
