/** The link over MQTT 5 or 3.1.1, at least once: what the broker does not acknowledge, or loses, is sent again. */
import { isIP } from 'node:net';
import {
  decodeMessage,
  presenceTopic,
  type TelemetryBroker,
  TelemetryWatermark,
  telemetryTopic,
  watermarkTopic,
} from '@starling/proto';
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { connect } from '../adapters/mqtt-client.js';
import { type DeviceIdentity, securityOf } from '../identity/device-identity.js';
import type { LinkEvents, TelemetryLink } from './link.js';

export type MqttVersion = 5 | 4;

export interface MqttLinkOptions {
  readonly broker: TelemetryBroker;
  readonly version: MqttVersion;
  readonly identity: DeviceIdentity;
}

/** The broker does not speak this version of the protocol. */
export class UnsupportedVersion extends Error {}

const connectMsMax = 10_000;
const keepAliveSeconds = 60;
/** Most messages on the way; brokers allow fewer (MQTT 5, section 3.2.2.3.3) or more. */
const unacknowledgedMax = 16;

/** Rejects with `UnsupportedVersion`, or an error that says why there is no connection. */
export async function openMqttLink(options: MqttLinkOptions, events: LinkEvents): Promise<TelemetryLink> {
  const { version, identity } = options;
  const { deviceId } = identity;
  const client = connect(clientOptions(options));
  const connack = await connected(client);
  let isOpen = true;
  const closed = (why: string): void => {
    if (!isOpen) return;
    isOpen = false;
    client.end(true);
    events.onClosed(why);
  };
  client.on('error', (error) => closed(error.message));
  client.on('close', () => closed('the connection closed'));
  client.on('message', (topic, payload) => {
    if (topic !== watermarkTopic(deviceId)) return;
    try {
      events.onWatermark(decodeMessage(TelemetryWatermark, payload));
    } catch {
      // A broker may say anything; what is no watermark acknowledges nothing.
    }
  });
  const window = createWindow(
    Math.min(unacknowledgedMax, connack.properties?.receiveMaximum ?? unacknowledgedMax),
  );
  try {
    await client.subscribeAsync(watermarkTopic(deviceId), { qos: 0 });
    client.publish(presenceTopic(deviceId), 'online', { qos: 0, retain: true });
  } catch (error) {
    isOpen = false;
    client.end(true);
    throw error;
  }
  return {
    kind: version === 5 ? 'mqtt-5' : 'mqtt-3.1.1',
    async send(batch) {
      await window.enter();
      if (!isOpen) throw new Error('the connection closed');
      const payload = Buffer.from(batch.buffer, batch.byteOffset, batch.byteLength);
      client.publish(telemetryTopic(deviceId), payload, { qos: 1 }, (error) => {
        window.leave();
        if (error) closed(error.message);
      });
    },
    close() {
      isOpen = false;
      if (client.connected) client.publish(presenceTopic(deviceId), 'offline', { qos: 0, retain: true });
      client.end();
    },
  };
}

function clientOptions({ broker, version, identity }: MqttLinkOptions): IClientOptions {
  const { deviceId } = identity;
  const security = securityOf(identity);
  if (security.kind !== 'tls' || security.identity === undefined)
    throw new Error('a device has a certificate');
  return {
    protocol: 'mqtts',
    host: broker.host,
    port: broker.port,
    // A name that is an address is checked as one, and not announced (RFC 6066, section 3).
    ...(isIP(broker.certificateName) === 0 ? { servername: broker.certificateName } : {}),
    ca: security.authority,
    cert: security.identity.certificate,
    key: security.identity.privateKey,
    clientId: deviceId,
    protocolVersion: version,
    clean: true,
    keepalive: keepAliveSeconds,
    connectTimeout: connectMsMax,
    // The forwarder decides when to come back, and what to send then.
    reconnectPeriod: 0,
    queueQoSZero: false,
    will: { topic: presenceTopic(deviceId), payload: Buffer.from('offline'), qos: 1, retain: true },
    ...(version === 5 ? { autoUseTopicAlias: true, autoAssignTopicAlias: true } : {}),
  };
}

/** Return codes for a version that the broker does not speak: MQTT 3.1.1, section 3.2.2.3; MQTT 5, section 3.2.2.2. */
const refusedVersions: readonly unknown[] = [1, 132];

function connected(client: MqttClient): Promise<IConnackPacket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      client.removeAllListeners();
      client.on('error', () => {});
      client.end(true);
      const code = 'code' in error ? error.code : undefined;
      reject(refusedVersions.includes(code) ? new UnsupportedVersion(error.message) : error);
    };
    client.once('error', fail);
    client.once('close', () => fail(new Error('it closed the connection')));
    client.once('connect', (connack) => {
      client.removeAllListeners('error');
      client.removeAllListeners('close');
      resolve(connack);
    });
  });
}

/** Lets at most `size` in at a time, in order. */
function createWindow(size: number) {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return {
    async enter(): Promise<void> {
      if (inside >= size) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
      }
      inside += 1;
    },
    leave(): void {
      inside -= 1;
      waiting.shift()?.();
    },
  };
}
