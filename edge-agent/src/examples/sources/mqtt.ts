/**
 * Examples from a broker. A message is acknowledged once its examples are durable, and the session is kept by the
 * broker, so that what is published with QoS 1 while this device is off arrives when it is back.
 */
import type { IPublishPacket } from 'mqtt';
import type { Log } from '../../connection/shell.js';
import {
  type BrokerSettings,
  openBrokerClient,
  parseTopicTemplate,
  type TopicTemplate,
} from '../../sensor-broker/index.js';
import type { PayloadFormat } from '../payload-formats.js';
import type { Recorder } from '../recorder.js';
import { payloadBytesMax } from '../recording.js';

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
  readonly log: Log;
}

export interface Source {
  /** Settles once nothing is on its way any more. */
  close(): Promise<void>;
}

/** Connects and subscribes; a broker that is not there, or goes away, is tried again. */
export async function openMqttSource(options: MqttSourceOptions): Promise<Source> {
  const { subscriptions, log, ...broker } = options;
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
          () => callback(),
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
