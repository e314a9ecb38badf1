/** Finds the best way: MQTT 5, else 3.1.1, else gRPC; the coordinator says where the broker is. */
import type { Clock } from '@starling/federation';
import {
  type Connection,
  connect as connectOverGrpc,
  createClient,
  type TelemetryBroker,
  TelemetryService,
} from '@starling/proto';
import { type Connect, type DeviceIdentity, securityOf } from '../identity/device-identity.js';
import { openGrpcLink } from './grpc-link.js';
import type { LinkEvents, OpenLink, TelemetryLink } from './link.js';
import { openMqttLink, UnsupportedVersion } from './mqtt-link.js';

export interface OpenLinkOptions {
  /** `host:port` of the coordinator. */
  readonly coordinator: string;
  readonly identity: () => DeviceIdentity;
  readonly clock: Clock;
  readonly log: { info(fields: object, message: string): void };
  /** Over gRPC unless told. */
  readonly connect?: Connect | undefined;
}

const routeMsMax = 10_000;
/** How long a device that fell back to gRPC stays with it before it tries the broker again. */
const grpcMsMax = 600_000;

export function createOpenLink({
  coordinator,
  identity,
  clock,
  log,
  connect = connectOverGrpc,
}: OpenLinkOptions): OpenLink {
  /** The last broker that was named: one of the operator's own may be there while the coordinator is not. */
  let lastBroker: TelemetryBroker | undefined;

  const overMqtt = async (broker: TelemetryBroker, events: LinkEvents): Promise<TelemetryLink> => {
    try {
      return await openMqttLink({ broker, version: 5, identity: identity() }, events);
    } catch (error) {
      if (!(error instanceof UnsupportedVersion)) throw error;
      return openMqttLink({ broker, version: 4, identity: identity() }, events);
    }
  };

  return async (events, signal) => {
    const security = securityOf(identity());
    const connection = connect(coordinator, { security });
    let isKept = false;
    try {
      const client = createClient(TelemetryService, connection);
      const deadlineAtMs = clock.now() + routeMsMax;
      let broker: TelemetryBroker | undefined;
      try {
        const { route } = await client.getTelemetryRoute({}, { signal, deadlineAtMs });
        broker = route?.kind === 'broker' ? route.value : undefined;
      } catch (error) {
        if (lastBroker === undefined || signal.aborted) throw error;
        return await overMqtt(lastBroker, events);
      }
      if (broker !== undefined) {
        const reached = { ...broker, host: broker.host === '' ? hostOf(coordinator) : broker.host };
        lastBroker = reached;
        try {
          return await overMqtt(reached, events);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          log.info(
            { host: reached.host, port: reached.port, why },
            'No way to the broker; telemetry goes over gRPC.',
          );
        }
      }
      isKept = true;
      return overGrpc(connection, broker !== undefined, events);
    } finally {
      if (!isKept) connection.close();
    }
  };

  function overGrpc(connection: Connection, isSecondChoice: boolean, events: LinkEvents): TelemetryLink {
    const release = (): void => {
      again?.cancel();
      connection.close();
    };
    const link = openGrpcLink(connection, identity().deviceId, {
      onWatermark: (watermark) => events.onWatermark(watermark),
      onClosed(why) {
        release();
        events.onClosed(why);
      },
    });
    const close = (): void => {
      link.close();
      release();
    };
    const again = isSecondChoice
      ? clock.schedule(grpcMsMax, () => {
          close();
          events.onClosed('to try the broker again');
        })
      : undefined;
    return { ...link, close };
  }
}

/** Of `host:port` or `[::1]:port`. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
