/** Telemetry as a whole: store, inbox, and the broker that carries it. */
import { join } from 'node:path';
import type { Clock } from '@starling/federation';
import { COORDINATOR_NAME, type GetTelemetryRouteResponse } from '@starling/proto';
import type { Identity } from '../identity/index.js';
import type { DeviceId } from '../ids.js';
import type { OpenDatabase } from '../storage/index.js';
import { createTelemetryInbox, type TelemetryInbox } from './inbox.js';
import { startEmbeddedBroker } from './mqtt/embedded-broker.js';
import { type BrokerAddress, connectExternalBroker } from './mqtt/external-broker.js';
import type { UplinkLog } from './mqtt/uplink.js';
import { openTelemetryStore } from './sqlite-store.js';
import type { TelemetryStore } from './store.js';

/** How devices' telemetry comes. */
export type TelemetryTransport =
  /** Over the broker within the coordinator; port 0 takes any free one. */
  | { readonly kind: 'embedded-broker'; readonly port: number }
  | ({ readonly kind: 'external-broker' } & BrokerAddress)
  /** Over gRPC alone. */
  | { readonly kind: 'grpc' };

export interface TelemetryOptions {
  /** The coordinator's. */
  readonly folder: string;
  readonly transport: TelemetryTransport;
  readonly openDatabase: OpenDatabase;
  readonly host: string;
  readonly identity: Pick<Identity, 'authority' | 'gate' | 'listenTls' | 'own' | 'standings'>;
  /** Most bytes to keep, compressed; the oldest go. */
  readonly keptBytesMax: number;
  readonly clock: Clock;
  readonly log: UplinkLog;
}

export interface Telemetry {
  readonly inbox: TelemetryInbox;
  readonly store: TelemetryStore;
  readonly route: NonNullable<GetTelemetryRouteResponse['route']>;
  close(): Promise<void>;
}

const shrinkPeriodMs = 60_000;

/** Rejects with ADDRESS_UNAVAILABLE. A broker that is away is awaited while gRPC serves. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { folder, clock, log, keptBytesMax } = options;
  const store = openTelemetryStore(join(folder, 'telemetry.db'), options.openDatabase);
  const inbox = createTelemetryInbox(store, () => clock.now());
  try {
    const broker = await startBroker(options, inbox);
    const shrink = (): void => {
      try {
        const records = store.shrink(keptBytesMax);
        if (records > 0) log.info({ records }, 'the oldest telemetry was removed to make room');
      } catch (error) {
        // A removal needs room too: a full disk is no reason to stop.
        log.warn(
          { why: String(error) },
          'old telemetry cannot be removed; make room on the coordinator’s disk',
        );
      }
      scheduled = clock.schedule(shrinkPeriodMs, shrink);
    };
    let scheduled = clock.schedule(shrinkPeriodMs, shrink);
    return {
      inbox,
      store,
      route: broker.route,
      async close() {
        scheduled.cancel();
        await broker.close();
        await inbox.drained();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

interface Broker {
  readonly route: Telemetry['route'];
  close(): Promise<void>;
}

async function startBroker(options: TelemetryOptions, inbox: TelemetryInbox): Promise<Broker> {
  const { transport, host, identity, log } = options;
  switch (transport.kind) {
    case 'grpc':
      return { route: { kind: 'grpc', value: {} }, close: async () => {} };
    case 'embedded-broker': {
      const { gate } = identity;
      const { port, close } = await startEmbeddedBroker({
        identity,
        gate,
        inbox,
        host,
        log,
        port: transport.port,
      });
      return { route: brokerRoute('', port, COORDINATOR_NAME), close };
    }
    case 'external-broker': {
      const { host: brokerHost, port } = transport;
      const authority = identity.authority.certificate;
      const address = { host: brokerHost, port };
      const { own, standings } = identity;
      const stands = (deviceId: DeviceId): boolean => standings.get(deviceId)?.state === 'active';
      const { close } = connectExternalBroker({ address, authority, own, inbox, stands, log });
      return { route: brokerRoute(brokerHost, port, brokerHost), close };
    }
  }
}

function brokerRoute(host: string, port: number, certificateName: string): Telemetry['route'] {
  return { kind: 'broker', value: { host, port, certificateName } };
}
