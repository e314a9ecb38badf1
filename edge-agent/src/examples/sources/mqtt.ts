/**
 * Examples from a broker. A message is acknowledged once its examples are durable, and the session is kept by the
 * broker, so that what is published with QoS 1 while this device is off arrives when it is back.
 */
import { readFileSync } from 'node:fs';
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import type { Log } from '../../connection/shell.js';
import type { PayloadFormat } from '../payload-formats.js';
import type { Recorder } from '../recorder.js';
import { payloadBytesMax } from '../recording.js';
import { parseTopicTemplate, type TopicTemplate } from './topic-template.js';

export interface MqttSubscription {
  /** `plant/{machine}/vibration`: the variables name the sensor. */
  readonly topic: string;
  readonly format: PayloadFormat;
  /** Examples, or late labels. */
  readonly carries: 'examples' | 'labels';
  readonly recorder: Recorder;
}

export interface MqttSourceOptions {
  readonly url: string;
  /** Names this device to the broker; its session belongs to it. */
  readonly clientId: string;
  readonly username?: string | undefined;
  /** A file, so that no secret lies in the configuration. */
  readonly passwordFile?: string | undefined;
  readonly subscriptions: readonly MqttSubscription[];
  readonly log: Log;
}

export interface Source {
  /** Settles once nothing is on its way any more. */
  close(): Promise<void>;
}

/** Connects and subscribes; a broker that is not there, or goes away, is tried again. */
export async function openMqttSource(options: MqttSourceOptions): Promise<Source> {
  const { url, clientId, subscriptions, log } = options;
  const routes = subscriptions.map((subscription) => ({
    ...subscription,
    template: parseTopicTemplate(subscription.topic),
  }));
  const settings: IClientOptions = {
    clientId,
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 7 * 86_400, receiveMaximum: 64, maximumPacketSize: payloadBytesMax },
    reconnectPeriod: 1000,
    connectTimeout: 10_000,
    resubscribe: false,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.passwordFile === undefined
      ? {}
      : { password: readFileSync(options.passwordFile, 'utf8').trim() }),
  };
  // A kept session delivers as soon as it is connected: who handles its messages must be there before.
  const client = connect(url, { ...settings, manualConnect: true });
  let busy: Promise<unknown> = Promise.resolve();
  // MQTT.js acknowledges when this calls back, and reads on only then.
  client.handleMessage = (packet, callback) => {
    const stored = deliver(routes, packet);
    busy = stored.catch(() => undefined);
    stored.then(
      () => callback(),
      (error: unknown) => {
        log.error({ error: String(error) }, 'Examples could not be stored; the broker will send them again.');
        // Without an acknowledgement it keeps them; the connection is taken up anew, and they come again.
        client.reconnect();
      },
    );
  };
  client.on('error', (error) => log.warn({ error: error.message }, 'The broker of the sensors has trouble.'));
  const filters = [...new Set(routes.map(({ template }) => template.filter))];
  client.on('connect', () => {
    client.subscribe(filters, { qos: 1 }, (error) => {
      if (error) log.error({ error: error.message }, 'The broker of the sensors refuses the topics.');
    });
  });
  await attempted(client, log);
  return {
    async close() {
      await client.endAsync();
      await busy;
    },
  };
}

/** Settles with the first attempt, however it ends: a broker may start after its devices, and is tried again. */
function attempted(client: MqttClient, log: Log): Promise<void> {
  return new Promise((resolve) => {
    const onConnect = (): void => settle();
    const onClose = (): void => {
      log.warn({}, 'The broker of the sensors cannot be reached; it is tried again every second.');
      settle();
    };
    const settle = (): void => {
      client.off('connect', onConnect);
      client.off('close', onClose);
      resolve();
    };
    client.once('connect', onConnect);
    client.once('close', onClose);
    client.connect();
  });
}

async function deliver(
  routes: readonly (MqttSubscription & { readonly template: TopicTemplate })[],
  { topic, payload }: IPublishPacket,
): Promise<void> {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  for (const { template, format, carries, recorder } of routes) {
    const source = template.match(topic);
    if (source === undefined) continue;
    if (carries === 'labels') await recorder.recordLabels(source, format, bytes);
    else await recorder.record(source, format, bytes);
  }
}
