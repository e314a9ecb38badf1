/**
 * Bounds MQTT packets before a parser holds them: the broker's own would gather up to the 256 MB that the protocol
 * allows, and keep each message at QoS 2 until its sender releases it, which may be never. Reads the fixed headers alone (MQTT 3.1.1, section 2.2) and passes everything on.
 */
import { Transform } from 'node:stream';

/** The type of the packet that carries a message (MQTT 3.1.1, section 2.2.1). */
const publish = 3;

export type PacketFault = 'PACKET_TOO_LARGE' | 'QOS_UNSUPPORTED';

export class PacketRefused extends Error {
  readonly code: PacketFault;

  constructor(code: PacketFault, message: string) {
    super(message);
    this.code = code;
  }
}

/** A stream that ends with a `PacketRefused` at the first packet of more than `packetBytesMax` bytes, or message at QoS 2. */
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
          // A PUBLISH tells its QoS in bits 1 and 2 (MQTT 3.1.1, section 3.3.1.2); 3 is none.
          if (byte >> 4 === publish && (byte & 0b100) !== 0) {
            return done(
              new PacketRefused('QOS_UNSUPPORTED', 'a message came at QoS 2; telemetry goes at QoS 1'),
            );
          }
          continue;
        }
        length += (byte & 0x7f) * 128 ** lengthBytes;
        lengthBytes += 1;
        if (length > packetBytesMax || lengthBytes > 4) {
          const message = `a packet announces more than ${packetBytesMax} bytes`;
          return done(new PacketRefused('PACKET_TOO_LARGE', message));
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
