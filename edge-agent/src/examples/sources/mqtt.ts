/**
 * Examples from a broker. A message is acknowledged once its examples are durable, and the session is kept by the
 * broker, so that what is published with QoS 1 while this device is off arrives when it is back.
 */
import type { Clock } from '@starling/federation';
import type { IPublishPacket } from 'mqtt';
import type { Log } from '../../connection/shell.js';
import {
  type BrokerSettings,
  isFor,
  openBrokerClient,
  parseTopicTemplate,
  type TopicTemplate,
} from '../../sensor-broker/index.js';
import type { PayloadFormat } from '../payload-formats.js';
import type { Recorder } from '../recorder.js';
import { payloadBytesMax } from '../recording.js';
import { createRebirths } from './rebirth.js';

export interface MqttSubscription {
  /** `plant/{machine}/vibration`: the variables name the sensor. */
  readonly topic: string;
  readonly format: PayloadFormat;
  /** Examples, or late labels. */
  readonly carries: 'examples' | 'labels';
  readonly recorder: Recorder;
}

export interface MqttSourceOptions extends BrokerSettings {
  /** Names this device to the broker; its session belongs to it. */
  readonly clientId: string;
  readonly subscriptions: readonly MqttSubscription[];
  readonly clock: Clock;
  readonly log: Log;
}

export interface Source {
  /** Settles once nothing is on its way any more. */
  close(): Promise<void>;
}

/** Connects and subscribes; a broker that is not there, or goes away, is tried again. */
export async function openMqttSource(options: MqttSourceOptions): Promise<Source> {
  const { subscriptions, clock, log, ...broker } = options;
  const rebirths = createRebirths(clock);
  const routes = subscriptions.map((subscription) => ({
    ...subscription,
    template: parseTopicTemplate(subscription.topic),
  }));
  let busy: Promise<unknown> = Promise.resolve();
  const client = await openBrokerClient({
    ...broker,
    log,
    keepSessionSeconds: 7 * 86_400,
    receiveMaximum: 64,
    messageBytesMax: payloadBytesMax,
    filters: [...new Set(routes.map(({ template }) => template.filter))],
    prepare(client) {
      // MQTT.js acknowledges when this calls back, and reads on only then.
      client.handleMessage = (packet, callback) => {
        const stored = deliver(routes, packet);
        busy = stored.catch(() => undefined);
        stored.then(
          ({ lacksBirth }) => {
            callback();
            const rebirth = lacksBirth ? rebirths(packet.topic) : undefined;
            if (rebirth === undefined || !client.connected) return;
            log.info(
              { topic: rebirth.topic },
              'The names of metrics are unknown; their node is asked for its birth.',
            );
            client.publish(rebirth.topic, rebirth.payload, { qos: 0 });
          },
          (error: unknown) => {
            log.error(
              { error: String(error) },
              'Examples could not be stored; the broker will send them again.',
            );
            // Without an acknowledgement it keeps them; the connection is taken up anew, and they come again.
            client.reconnect();
          },
        );
      };
    },
  });
  return {
    async close() {
      await client.endAsync();
      await busy;
    },
  };
}

async function deliver(
  routes: readonly (MqttSubscription & { readonly template: TopicTemplate })[],
  packet: IPublishPacket,
): Promise<{ readonly lacksBirth: boolean }> {
  const { topic, payload } = packet;
  let lacksBirth = false;
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  for (const { template, format, carries, recorder } of routes) {
    const source = template.match(topic);
    if (source === undefined || !isFor(template.filter, packet)) continue;
    const recorded =
      carries === 'labels'
        ? await recorder.recordLabels(source, format, bytes)
        : await recorder.record(source, format, bytes);
    lacksBirth ||= recorded.lacksBirth === true;
  }
  return { lacksBirth };
}
