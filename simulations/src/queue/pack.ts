/** Plain data with typed arrays in it as one array of bytes, the same on every machine that is little-endian. */
import { SimulationError } from '../errors.js';

const kinds = { Uint8Array, Int32Array, Uint32Array, Float32Array, Float64Array } as const;
type Kind = keyof typeof kinds;
type PackedArray = InstanceType<(typeof kinds)[Kind]>;

interface ArrayPlace {
  readonly $array: Kind;
  /** From the end of the text, a multiple of 8. */
  readonly offset: number;
  readonly length: number;
}

const headerBytes = 8;
const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** u32 length of the text, u32 zero, the text as JSON padded to 8 bytes, then the arrays, each at a multiple of 8. */
export function pack(value: unknown): Uint8Array {
  const arrays: { readonly at: number; readonly array: PackedArray }[] = [];
  let total = 0;
  const text = JSON.stringify(value, function (this: Readonly<Record<string, unknown>>, key, part: unknown) {
    // What is passed in is what toJSON made of it, which a Buffer has.
    const array = this[key] as PackedArray;
    const kind = kindOf(array);
    if (kind === undefined) return part;
    const place: ArrayPlace = { $array: kind, offset: total, length: array.length };
    arrays.push({ at: total, array });
    total += aligned(array.byteLength);
    return place;
  });
  const json = Buffer.from(text);
  const first = headerBytes + aligned(json.length);
  const bytes = new Uint8Array(first + total);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, headerBytes);
  for (const { at, array } of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), first + at);
  }
  return bytes;
}

function kindOf(value: unknown): Kind | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const kind = Object.entries(kinds).find(([, type]) => value instanceof type)?.[0];
  if (kind === undefined) throw new TypeError('this kind of array is never packed');
  return kind as Kind;
}

/**
 * What `pack` was given, its arrays copied into memory of their own, which threads share where `shared` says so. Throws a
 * `SimulationError` `simulation/queue` where the bytes are not that.
 */
export function unpack(bytes: Uint8Array, shared = false): unknown {
  const damaged = (): SimulationError =>
    new SimulationError(
      'simulation/queue',
      'A message of the queue is damaged.',
      'Use the same version of starling-sim everywhere.',
    );
  if (bytes.length < headerBytes) throw damaged();
  const textLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const first = headerBytes + aligned(textLength);
  if (first > bytes.length) throw damaged();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + headerBytes, textLength).toString();
  return JSON.parse(text, (_, part: unknown) => {
    if (typeof part !== 'object' || part === null || !('$array' in part)) return part;
    const { $array, offset, length } = part as ArrayPlace;
    if (!Object.hasOwn(kinds, $array) || !Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
      throw damaged();
    }
    const type = kinds[$array];
    const size = length * type.BYTES_PER_ELEMENT;
    if (offset < 0 || length < 0 || first + offset + size > bytes.length) throw damaged();
    const memory = shared ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
    new Uint8Array(memory).set(bytes.subarray(first + offset, first + offset + size));
    // Arrays over shared memory are of the same kinds; their types know only the other.
    return new type(memory as ArrayBuffer);
  });
}
