import protobuf from 'protobufjs/minimal.js';

/** What generated modules stand on: reading and writing of what is not a plain scalar, over protobufjs. */
export type Reader = protobuf.Reader;
export type Writer = protobuf.Writer;

/** Reads and writes one type of message. */
export interface MessageType<T> {
  /** Full name: `starling.v1.RoundKey`. */
  readonly name: string;
  /** Writes the fields of `message`. Throws a `RangeError` where a number does not fit its field. */
  encode(message: T, writer: Writer): void;
  /** Reads fields up to `reader.len`. Throws where the bytes are no such message. */
  decode(reader: Reader): T;
}

export const noBytes = new Uint8Array(0);

/** The message's bytes. Throws a `RangeError` where a number does not fit its field. */
export function encodeMessage<T>(type: MessageType<T>, message: T): Uint8Array {
  const writer = protobuf.Writer.create();
  type.encode(message, writer);
  return writer.finish();
}

/** Fields of type `bytes` in the result are views of `data`, not copies. Throws where `data` is no such message. */
export function decodeMessage<T>(type: MessageType<T>, data: Uint8Array): T {
  return type.decode(protobuf.Reader.create(data));
}

export function readMessage<T>(reader: Reader, type: MessageType<T>): T {
  const length = reader.size();
  const end = reader.pos + length;
  const outerEnd = reader.len;
  if (end > outerEnd)
    throw new RangeError(`${type.name} ends ${end - outerEnd} bytes after what encloses it`);
  // With the limit moved inwards, a broken inner length cannot reach into the outer message.
  reader.len = end;
  const message = type.decode(reader);
  reader.len = outerEnd;
  return message;
}

export function writeMessage<T>(writer: Writer, tag: number, type: MessageType<T>, message: T): void {
  writer.uint32(tag).fork();
  type.encode(message, writer);
  writer.ldelim();
}

/** Reads one entry of a map with text keys; a key that comes again replaces, as protobuf has it. */
export function readMapEntry<T>(reader: Reader, type: MessageType<T>, into: Map<string, T>): void {
  readMessage(reader, {
    name: `entry of ${type.name}`,
    encode() {},
    decode(entry) {
      let key = '';
      let value: T | undefined;
      while (entry.pos < entry.len) {
        const tag = entry.tag();
        if (tag === 10) key = entry.stringVerify();
        else if (tag === 18) value = readMessage(entry, type);
        else skipField(entry, tag);
      }
      into.set(key, value ?? decodeMessage(type, noBytes));
    },
  });
}

export function writeMapEntry<T>(
  writer: Writer,
  tag: number,
  type: MessageType<T>,
  key: string,
  value: T,
): void {
  writer.uint32(tag).fork().uint32(10).string(key);
  writeMessage(writer, 18, type, value);
  writer.ldelim();
}

/** Calls `readOne` until the end of a packed list of scalars. */
export function readPacked(reader: Reader, readOne: () => void): void {
  const length = reader.size();
  const end = reader.pos + length;
  const outerEnd = reader.len;
  if (end > outerEnd) throw new RangeError(`a packed list ends ${end - outerEnd} bytes after its message`);
  reader.len = end;
  while (reader.pos < end) readOne();
  reader.len = outerEnd;
}

export function readEnum<Value extends string>(reader: Reader, values: readonly Value[]): Value {
  return values[reader.uint32()] ?? values[0];
}

export function writeEnum<Value extends string>(
  writer: Writer,
  tag: number,
  values: readonly Value[],
  value: Value,
): void {
  const position = values.indexOf(value);
  if (position < 0) throw new RangeError(`${value} is none of ${values.join(', ')}`);
  writer.uint32(tag).uint32(position);
}

/** protobufjs gives an object or a number, depending on whether some package installed `long`; here it is a number. */
export function readUint64(reader: Reader): number {
  // Its declaration names a type of `long` that it does not import.
  const value = reader.uint64() as unknown as number | { toNumber(): number };
  const number = typeof value === 'number' ? value : value.toNumber();
  if (!Number.isSafeInteger(number)) throw new RangeError(`${number} is more than 2^53 - 1`);
  return number;
}

export function readInt64(reader: Reader): number {
  const value = reader.int64() as unknown as number | { toNumber(): number };
  const number = typeof value === 'number' ? value : value.toNumber();
  if (!Number.isSafeInteger(number)) throw new RangeError(`${number} is beyond 2^53 - 1`);
  return number;
}

/** Checks what is to be written, because protobufjs would wrap it silently. */
export function int64(value: number): number {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} does not fit an int64 field`);
  return value;
}

/** Checks what is to be written, because protobufjs would wrap it silently. */
export function int32(value: number): number {
  if ((value | 0) !== value) throw new RangeError(`${value} does not fit an int32 field`);
  return value;
}

/** Checks what is to be written, because protobufjs would wrap it silently. */
export function uint64(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} does not fit a uint64 field`);
  return value;
}

/** Checks what is to be written, because protobufjs would wrap it silently. */
export function uint32(value: number): number {
  if (value >>> 0 !== value) throw new RangeError(`${value} does not fit a uint32 field`);
  return value;
}

/** Passes over a field that this revision does not know, or that has an unexpected wire type. */
export function skipField(reader: Reader, tag: number): void {
  reader.skipType(tag & 7, 0, tag >>> 3);
}
