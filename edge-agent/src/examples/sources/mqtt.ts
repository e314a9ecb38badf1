/**
 * Examples from a broker. A message is acknowledged once its examples are durable, and the session is kept by the
 * broker, so that what is published with QoS 1 while this device is off arrives when it is back.
 */
import { readFileSync } from 'node:fs';
import { connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
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

/** Connects and subscribes; a broker that goes away is connected to again. Rejects where the first connection fails. */
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
    resubscribe: true,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.passwordFile === undefined
      ? {}
      : { password: readFileSync(options.passwordFile, 'utf8').trim() }),
  };
  const client = await connectAsync(url, settings, false);
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
  await subscribe(
    client,
    routes.map(({ template }) => template.filter),
  );
  return {
    async close() {
      await client.endAsync();
      await busy;
    },
  };
}

async function subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
  await client.subscribeAsync([...new Set(filters)], { qos: 1 });
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
