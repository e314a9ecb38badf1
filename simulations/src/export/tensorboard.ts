/**
 * TensorBoard's event files: TFRecords (length, masked CRC-32C, data, masked CRC-32C) of `Event` messages
 * (tensorflow/core/util/event.proto), of which scalars need five fields.
 */
import type { RoundRecord } from '../simulation/record.js';
import { flatten } from './rows.js';

/** An event file of all numbers, one step a round; `wallSeconds` is the time of the first, in seconds since 1970. */
export function tensorboardEvents(records: readonly RoundRecord[], wallSeconds: number): Uint8Array {
  const first = record(event(wallSeconds, 0, bytesField(3, utf8('brain.Event:2'))));
  const steps = records.map((round) => {
    const values = [...flatten(round)]
      .filter(([name]) => name !== 'round')
      .map(([name, value]) => bytesField(1, [...bytesField(1, utf8(name)), ...floatField(2, value)]));
    return record(event(wallSeconds + round.round, round.round, bytesField(5, values.flat())));
  });
  return new Uint8Array(Buffer.concat([first, ...steps]));
}

type Bytes = readonly number[];

const utf8 = (text: string): Bytes => [...Buffer.from(text)];

function event(wallSeconds: number, step: number, what: Bytes): Bytes {
  const time = Buffer.alloc(8);
  time.writeDoubleLE(wallSeconds);
  return [0x09, ...time, 0x10, ...varint(step), ...what];
}

function varint(value: number): Bytes {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

const bytesField = (field: number, bytes: Bytes): Bytes => [field * 8 + 2, ...varint(bytes.length), ...bytes];

function floatField(field: number, value: number): Bytes {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return [field * 8 + 5, ...bytes];
}

function record(data: Bytes): Buffer {
  const header = Buffer.alloc(12);
  header.writeBigUInt64LE(BigInt(data.length));
  header.writeUInt32LE(masked(header.subarray(0, 8)), 8);
  const footer = Buffer.alloc(4);
  const body = Buffer.from(data);
  footer.writeUInt32LE(masked(body));
  return Buffer.concat([header, body, footer]);
}

/** TFRecord's mask, so that a CRC of data that holds CRCs says something. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Castagnoli's polynomial (RFC 3720, appendix B.4), reflected. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  return crc >>> 0;
});

export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}
