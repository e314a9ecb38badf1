/**
 * A broker of the operator's own, such as Mosquitto. The coordinator is one of its clients, under its own certificate;
 * the broker's access list confines devices to their topics (docs/guides/telemetry.md has one).
 */
import {
  allTelemetryTopics,
  COORDINATOR_NAME,
  deviceOfTopic,
  type TlsIdentity,
  watermarkTopic,
} from '@starling/proto';
import { connect } from 'mqtt';
import { type DeviceId, parseDeviceId } from '../../ids.js';
import type { TelemetryInbox } from '../inbox.js';
import { packetBytesMax, takeMessage, type UplinkLog } from './uplink.js';

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface ExternalBrokerOptions {
  readonly address: BrokerAddress;
  /** PEM; the broker's certificate chains to it. */
  readonly authority: string;
  readonly own: () => TlsIdentity;
  readonly inbox: TelemetryInbox;
  /** Whether the device may be served. The broker does not know who was revoked, and lets it in. */
  readonly stands: (deviceId: DeviceId) => boolean;
  readonly log: UplinkLog;
}

const connectMsMax = 10_000;

/** Connects, and again whenever there is no connection; says in the log why there is none. */
export function connectExternalBroker(options: ExternalBrokerOptions): { close(): Promise<void> } {
  const { address, authority, own, inbox, stands, log } = options;
  const client = connect({
    protocol: 'mqtts',
    ...address,
    ca: authority,
    cert: own().certificate,
    key: own().privateKey,
    clientId: COORDINATOR_NAME,
    protocolVersion: 5,
    // The broker passes on nothing larger, whatever a device publishes (MQTT 5, section 3.1.2.11.4).
    properties: { maximumPacketSize: packetBytesMax },
    // What the broker took and this coordinator did not, devices send again: there is no session to keep.
    clean: true,
    connectTimeout: connectMsMax,
    reconnectPeriod: 1_000,
    resubscribe: false,
  });

  /** Devices of which the log has told: one that goes on must not fill it. */
  const refused = new Set<DeviceId>();

  const take = async (topic: string, payload: Uint8Array): Promise<void> => {
    const deviceId = parseDeviceId(deviceOfTopic(topic) ?? '');
    if (deviceId === undefined) return;
    // The access list lets a device write below its own name alone, so the topic tells whose batch it is.
    if (!stands(deviceId)) {
      if (!refused.has(deviceId))
        log.warn({ device: deviceId }, 'telemetry of a device that may not be served');
      refused.add(deviceId);
      return;
    }
    refused.delete(deviceId);
    const watermark = await takeMessage(inbox, deviceId, payload, log);
    if (watermark !== undefined && client.connected) {
      client.publish(watermarkTopic(deviceId), Buffer.from(watermark), { qos: 0 });
    }
  };

  client.on('connect', () => {
    log.info({ ...address }, 'connected to the broker');
    client.subscribe(allTelemetryTopics, { qos: 1 }, (error) => {
      if (error) log.warn({ why: error.message }, 'the broker refuses the subscription to telemetry');
    });
  });
  client.on('error', (error) => log.warn({ ...address, why: error.message }, 'the broker cannot be used'));
  client.on('close', () => {
    log.info({ ...address }, 'no connection to the broker; trying again');
    Object.assign(client.options, { cert: own().certificate, key: own().privateKey });
  });
  client.on('message', (topic, payload) => void take(topic, payload));
  return {
    async close() {
      await client.endAsync(true);
      await inbox.drained();
    },
  };
}
