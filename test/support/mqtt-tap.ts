/** A tap between one device and its broker: shows the messages that the device sends, holds answers back, cuts the line. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { Scope } from './scope.js';

export interface MqttTap {
  /** The topic of each message that the device has sent so far, as it was written: empty where an alias stands for it. */
  topics(): readonly string[];
  /** Lets nothing from the broker through to the device, until it is called with `false`. */
  holdAnswers(held: boolean): void;
  /** Breaks the line without a word, as when the device loses its power. */
  cut(): void;
}

export interface MqttTapOptions {
  readonly port: number;
  /** What the broker shows: `authority.pem`, `coordinator.pem` and `coordinator.key` of its folder. */
  readonly tlsFolder: string;
  readonly brokerPort: number;
  readonly deviceId: string;
  /** PEM; the tap shows it to the broker. */
  readonly certificate: string;
  readonly privateKey: string;
}

/** Whoever else connects is turned away. */
export async function startMqttTap(scope: Scope, options: MqttTapOptions): Promise<MqttTap> {
  const { port, tlsFolder, brokerPort, deviceId, certificate, privateKey } = options;
  const read = (name: string): Promise<Buffer> => readFile(join(tlsFolder, name));
  const ca = await read('authority.pem');
  const shown = { ca, cert: await read('coordinator.pem'), key: await read('coordinator.key') };
  const topics: string[] = [];
  const lines = new Set<TLSSocket>();
  let isHeld = false;
  const server = createServer({ ...shown, requestCert: true }, (device) => {
    device.on('error', () => {});
    if (device.getPeerCertificate().subject.CN !== deviceId) {
      device.destroy();
      return;
    }
    const own = { ca, cert: certificate, key: privateKey, servername: 'localhost' };
    const broker = connect({ host: '127.0.0.1', port: brokerPort, ...own });
    const read = readTopics((topic) => topics.push(topic));
    for (const [near, far] of [
      [device, broker],
      [broker, device],
    ]) {
      lines.add(near);
      near.on('error', () => {});
      near.on('close', () => {
        lines.delete(near);
        far.destroy();
      });
    }
    device.on('data', (piece: Buffer) => {
      read(piece);
      broker.write(piece);
    });
    broker.on('data', (piece: Buffer) => device.write(piece));
    if (isHeld) broker.pause();
    held.add(() => (isHeld ? broker.pause() : broker.resume()));
  });
  const held = new Set<() => void>();
  scope.onClose(() => {
    for (const line of lines) line.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    topics: () => topics,
    holdAnswers(is) {
      isHeld = is;
      for (const apply of held) apply();
    },
    cut() {
      for (const line of lines) line.destroy();
    },
  };
}

/** Reads the packets of one direction (MQTT 5, section 2.1), in pieces as they come, and tells the topic of each PUBLISH. */
function readTopics(onTopic: (topic: string) => void): (piece: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (piece) => {
    rest = Buffer.concat([rest, piece]);
    for (;;) {
      let [length, at] = [0, 1];
      do {
        if (at >= rest.length) return;
        length += (rest[at] & 0x7f) * 128 ** (at - 1);
        at += 1;
      } while ((rest[at - 1] & 0x80) !== 0);
      if (rest.length < at + length) return;
      const packet = rest.subarray(at, at + length);
      if (rest[0] >> 4 === 3) onTopic(packet.subarray(2, 2 + packet.readUInt16BE(0)).toString());
      rest = rest.subarray(at + length);
    }
  };
}
