import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPacketGuard } from './packet-guard.js';

async function pass(bytes: Buffer, cuts: readonly number[], packetBytesMax: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(bytes.length, cut);
    if (to > from) pieces.push(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
  pieces.push(bytes.subarray(from));
  const passed: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      passed.push(chunk);
      done();
    },
  });
  await pipeline(Readable.from(pieces), createPacketGuard(packetBytesMax), sink);
  return Buffer.concat(passed);
}

/** A packet of so many bytes behind its fixed header (MQTT 3.1.1, section 2.2). */
function packet(length: number): Buffer {
  const header = [0x30];
  for (let rest = length; ; rest >>>= 7) {
    header.push(rest < 128 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)]);
}

test('packets of any size within the bound pass unchanged, however they are cut', async () => {
  const packets = fc.array(fc.oneof(fc.nat(300), fc.constantFrom(0, 127, 128, 16_383, 16_384, 20_000)), {
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(packets, fc.array(fc.nat(60_000), { maxLength: 10 }), async (lengths, cuts) => {
      const bytes = Buffer.concat(lengths.map(packet));
      expect((await pass(bytes, cuts, 20_000)).equals(bytes)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('the first packet that announces more ends the stream before its content is held', async () => {
  const tooLarge = { code: 'PACKET_TOO_LARGE' };
  const bytes = Buffer.concat([packet(100), packet(2_000).subarray(0, 4)]);
  await expect(pass(bytes, [], 1_000)).rejects.toMatchObject(tooLarge);
  // A length of five bytes is none (MQTT 3.1.1, section 2.2.3).
  const endless = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]);
  await expect(pass(endless, [], 2 ** 40)).rejects.toMatchObject(tooLarge);
});

test('a message at QoS 2 ends the stream before its content is held, and other packets with these bits do not', async () => {
  for (const first of [0x34, 0x3c, 0x35, 0x36]) {
    const bytes = Buffer.concat([packet(100), Buffer.from([first, 0x05])]);
    await expect(pass(bytes, [], 1_000)).rejects.toMatchObject({ code: 'QOS_UNSUPPORTED' });
  }
  // A CONNECT, a message at QoS 1 that is sent again and kept, a PUBREL, a SUBSCRIBE, a DISCONNECT.
  for (const first of [0x10, 0x3b, 0x62, 0x82, 0xe0]) {
    const bytes = Buffer.from([first, 0x02, 0x34, 0x36]);
    expect((await pass(bytes, [], 1_000)).equals(bytes)).toBe(true);
  }
});
