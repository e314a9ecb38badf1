/**
 * The broker within the coordinator (MQTT 3.1.1). It keeps nothing: what it acknowledges is durable in the store, and what
 * a device does not hear acknowledged it sends again.
 */
import { Duplex, pipeline } from 'node:stream';
import { deviceOfTopic, StarlingError, type TlsPeer, telemetryTopic, watermarkTopic } from '@starling/proto';
import { Aedes, type Client } from 'aedes';
import type { DeviceAdmission, Gate, Identity } from '../../identity/index.js';
import type { DeviceId } from '../../ids.js';
import type { TelemetryInbox } from '../inbox.js';
import { createPacketGuard, PacketRefused } from './packet-guard.js';
import { packetBytesMax, takeMessage, type UplinkLog } from './uplink.js';

export interface EmbeddedBroker {
  readonly port: number;
  close(): Promise<void>;
}

export interface EmbeddedBrokerOptions {
  readonly identity: Pick<Identity, 'listenTls'>;
  readonly gate: Pick<Gate, 'admitDevice'>;
  readonly inbox: TelemetryInbox;
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly log: UplinkLog;
}

/** Rejects with ADDRESS_UNAVAILABLE. */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { identity, gate, inbox, host, port, log } = options;
  const devices = new WeakMap<object, DeviceId>();
  const deviceOf = (client: Client | null): DeviceId | undefined => client?.conn && devices.get(client.conn);

  const broker = new Aedes({
    // Devices choose when they come back; a session that nobody resumes would only take memory.
    queueLimit: 1_000,
    authenticate(client, _username, _password, done) {
      const deviceId = deviceOf(client);
      if (deviceId === client.id) return done(null, true);
      log.warn({ device: deviceId }, 'a device connected to the broker under another name');
      done(
        Object.assign(new Error('the client id is not the certificate’s device'), { returnCode: 2 }),
        false,
      );
    },
    authorizePublish(client, packet, done) {
      // The will of a device that is gone: that it is gone is known here already.
      if (client === null) {
        done(new Error('wills are not forwarded'));
        return;
      }
      const deviceId = deviceOf(client);
      if (
        deviceId === undefined ||
        deviceOfTopic(packet.topic) !== deviceId ||
        packet.topic === watermarkTopic(deviceId)
      ) {
        log.warn({ device: deviceId }, 'a device published where it may not');
        return done(new Error('a device publishes below its own name only'));
      }
      if (packet.topic !== telemetryTopic(deviceId)) return done(null);
      // Acknowledged when it is durable: a device that sends faster than that waits.
      const { payload } = packet;
      const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
      void takeMessage(inbox, deviceId, bytes, log).then((watermark) => {
        if (watermark !== undefined && !client.closed) {
          const message = { topic: watermarkTopic(deviceId), payload: Buffer.from(watermark) };
          const form = { cmd: 'publish', qos: 0, dup: false, retain: false } as const;
          // What a device does not hear, it asks for by sending again.
          client.publish({ ...form, ...message }, () => {});
        }
        done(null);
      });
    },
    authorizeSubscribe(client, subscription, done) {
      const deviceId = deviceOf(client);
      const isOwn = deviceId !== undefined && subscription.topic === watermarkTopic(deviceId);
      if (!isOwn) log.warn({ device: deviceId }, 'a device subscribed to what is not its own');
      // `null` refuses one subscription and keeps the connection (MQTT 3.1.1, section 3.9.3).
      done(null, isOwn ? subscription : null);
    },
    // What devices publish has been taken above; all that goes out is watermarks.
    authorizeForward(client, packet) {
      const deviceId = deviceOf(client);
      return deviceId !== undefined && packet.topic === watermarkTopic(deviceId) ? packet : null;
    },
  });
  await broker.listen();

  const listening = await identity.listenTls(
    (socket, peer) => {
      const admission = admit(gate, peer, log);
      if (admission === undefined) {
        socket.destroy();
        return;
      }
      admission.ended.addEventListener('abort', () => socket.destroy(), { once: true });
      const guarded = guard(socket, ({ code, message }) =>
        log.warn({ device: admission.caller.deviceId, code, why: message }, 'a device’s packet was refused'),
      );
      devices.set(guarded, admission.caller.deviceId);
      broker.handle(guarded);
    },
    host,
    port,
  );
  return {
    port: listening.port,
    async close() {
      listening.close();
      await new Promise<void>((resolve) => {
        broker.close(() => resolve());
      });
      listening.cutOff();
      await inbox.drained();
    },
  };
}

/** The connection, which breaks at a packet that is refused; `onRefused` is called then. MQTT 3.1.1 has no answer to it. */
function guard(socket: Duplex, onRefused: (why: PacketRefused) => void): Duplex {
  const guarded = createPacketGuard(packetBytesMax);
  pipeline(socket, guarded, (error) => {
    if (error instanceof PacketRefused) onRefused(error);
  });
  return Duplex.from({ readable: guarded, writable: socket });
}

function admit(gate: Pick<Gate, 'admitDevice'>, peer: TlsPeer, log: UplinkLog): DeviceAdmission | undefined {
  try {
    return gate.admitDevice(peer);
  } catch (error) {
    if (!(error instanceof StarlingError)) throw error;
    log.info({ why: error.code }, 'a connection to the broker was refused');
    return undefined;
  }
}
