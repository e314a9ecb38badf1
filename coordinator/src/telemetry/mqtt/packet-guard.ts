/**
 * Bounds MQTT packets before a parser holds them: the broker's own would gather up to the 256 MB that the protocol
 * allows. Reads the fixed headers alone (MQTT 3.1.1, section 2.2) and passes everything on.
 */
import { Transform } from 'node:stream';

export class PacketTooLarge extends Error {}

/** A stream that ends with a `PacketTooLarge` at the first packet of more than `packetBytesMax` bytes. */
export function createPacketGuard(packetBytesMax: number): Transform {
  /** Bytes of the current packet that have yet to pass. */
  let remaining = 0;
  /** While reading a header: bytes of the length that were read, and what they come to; -1 before the first byte. */
  let lengthBytes = -1;
  let length = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; ) {
        if (remaining > 0) {
          const passed = Math.min(remaining, chunk.length - at);
          remaining -= passed;
          at += passed;
          continue;
        }
        const byte = chunk[at];
        at += 1;
        if (lengthBytes < 0) {
          lengthBytes = 0;
          length = 0;
          continue;
        }
        length += (byte & 0x7f) * 128 ** lengthBytes;
        lengthBytes += 1;
        if (length > packetBytesMax || lengthBytes > 4) {
          return done(new PacketTooLarge(`a packet announces more than ${packetBytesMax} bytes`));
        }
        if ((byte & 0x80) === 0) {
          remaining = length;
          lengthBytes = -1;
        }
      }
      done(null, chunk);
    },
  });
}
