/**
 * A connection to the broker of the sensors, which is another than the fleet's: examples come from it, and answers of
 * models go back to it. MQTT 5, or 3.1.1 where the broker speaks nothing newer.
 */
import type { IClientOptions, IConnackPacket, MqttClient } from 'mqtt';
import { connect } from '../adapters/mqtt-client.js';
import type { Log } from '../connection/shell.js';
import { type BrokerSettings, readPassword } from './settings.js';
import { subscriptionId } from './subscription-id.js';

export interface BrokerClientOptions extends BrokerSettings {
  /** Names this connection to the broker; a kept session belongs to it. */
  readonly clientId: string;
  /** Whether the broker keeps messages while this device is off; for so many seconds where it speaks MQTT 5. */
  readonly keepSessionSeconds: number | undefined;
  /** Most messages that the broker may have on their way here, where it speaks MQTT 5. */
  readonly receiveMaximum: number;
  /** Longest message, in bytes, where it speaks MQTT 5. */
  readonly messageBytesMax: number;
  /** What is subscribed to; nothing where there are none. */
  readonly filters: readonly string[];
  /** Called when the subscriptions are to be handled, before anything can arrive. */
  readonly prepare: (client: MqttClient) => void;
  readonly log: Log;
}

/** Return codes for a version that the broker does not speak: MQTT 3.1.1, section 3.2.2.3; MQTT 5, section 3.2.2.2. */
const refusedVersions: readonly unknown[] = [1, 132];

/** Settles with the first attempt, subscribed, however it ends: a broker may start after its devices, and is tried again. */
export async function openBrokerClient(options: BrokerClientOptions): Promise<MqttClient> {
  const { url, keepSessionSeconds, filters, log } = options;
  const password = readPassword(options);
  const settings: IClientOptions = {
    clientId: options.clientId,
    clean: keepSessionSeconds === undefined,
    protocolVersion: 5,
    properties: {
      ...(keepSessionSeconds === undefined ? {} : { sessionExpiryInterval: keepSessionSeconds }),
      receiveMaximum: options.receiveMaximum,
      maximumPacketSize: options.messageBytesMax,
    },
    reconnectPeriod: 1000,
    // Also where it refuses: a version, or a password that somebody is about to change.
    reconnectOnConnackError: true,
    connectTimeout: 10_000,
    resubscribe: false,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(password === undefined ? {} : { password }),
  };
  // A kept session delivers as soon as it is connected: who handles its messages must be there before.
  const client = connect(url, { ...settings, manualConnect: true });
  options.prepare(client);
  client.on('error', (error) => {
    const code = 'code' in error ? error.code : undefined;
    if (client.options.protocolVersion === 5 && refusedVersions.includes(code)) {
      client.options.protocolVersion = 4;
      client.options.properties = {};
      log.info({}, 'The broker of the sensors does not speak MQTT 5; it is spoken to in MQTT 3.1.1.');
    } else log.warn({ error: error.message }, 'The broker of the sensors has trouble.');
  });
  let isSubscribed = false;
  const subscribe = async ({ sessionPresent, properties }: IConnackPacket): Promise<void> => {
    // Subscribed again, MQTT 3.1.1 sends what it retains again, and it would be taken for measured again.
    if (isSubscribed && sessionPresent) return;
    const hasIds =
      client.options.protocolVersion === 5 && properties?.subscriptionIdentifiersAvailable !== false;
    const asked = filters.map((filter) => {
      const ids = hasIds ? { properties: { subscriptionIdentifier: subscriptionId(filter) } } : {};
      return client.subscribeAsync(filter, { qos: 1, rh: 1, ...ids });
    });
    try {
      await Promise.all(asked);
      isSubscribed = true;
    } catch (error) {
      isSubscribed = false;
      log.error({ error: String(error) }, 'The broker of the sensors refuses the topics.');
    }
  };
  let subscribing = Promise.resolve();
  client.on('connect', (connack) => {
    subscribing = subscribe(connack);
  });
  await attempted(client, log);
  await subscribing;
  return client;
}

function attempted(client: MqttClient, log: Log): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      client.off('connect', settle);
      client.off('close', onClose);
      resolve();
    };
    const onClose = (): void => {
      // A refused version is no outage: the other one is tried next.
      if (client.options.protocolVersion === 5) {
        log.warn({}, 'The broker of the sensors cannot be reached; it is tried again every second.');
      }
      settle();
    };
    client.once('connect', settle);
    client.once('close', onClose);
    client.connect();
  });
}
