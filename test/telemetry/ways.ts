/** The ways of telemetry to a coordinator, each with real processes. */
import { join } from 'node:path';
import {
  type CoordinatorProcess,
  freePort,
  mosquittoMissing,
  type Scope,
  startCoordinatorProcess,
  startMosquitto,
} from '../support/index.js';

export interface World {
  readonly coordinator: CoordinatorProcess;
  /** `undefined` where there is no broker. */
  readonly brokerPort: number | undefined;
}

export interface Way {
  readonly name: string;
  readonly link: 'mqtt-5' | 'mqtt-3.1.1' | 'grpc';
  /** @param folder of the coordinator */
  start(scope: Scope, folder: string): Promise<World>;
}

const missing = mosquittoMissing();
if (missing !== undefined) console.warn(`SKIPPED, the tests with Mosquitto: ${missing}`);

export const brokerWays: readonly Way[] = [
  { name: 'the coordinator’s own broker', link: 'mqtt-3.1.1', start: embedded },
  ...(missing === undefined ? ([{ name: 'Mosquitto', link: 'mqtt-5', start: mosquitto }] as const) : []),
];

export const ways: readonly Way[] = [...brokerWays, { name: 'gRPC', link: 'grpc', start: grpcAlone }];

async function embedded(scope: Scope, folder: string): Promise<World> {
  const brokerPort = await freePort();
  return { coordinator: await startCoordinatorProcess(scope, { folder, mqttPort: brokerPort }), brokerPort };
}

async function mosquitto(scope: Scope, folder: string): Promise<World> {
  const brokerPort = await freePort();
  const coordinator = await startCoordinatorProcess(scope, { folder, mqttBroker: `localhost:${brokerPort}` });
  const at = join(folder, '..', 'mosquitto');
  const broker = await startMosquitto(scope, { folder: at, coordinatorFolder: folder, port: brokerPort });
  await broker.lineWhere('coordinator subscribed', (line) => line.includes('Sending SUBACK to coordinator'));
  return { coordinator, brokerPort };
}

async function grpcAlone(scope: Scope, folder: string): Promise<World> {
  return {
    coordinator: await startCoordinatorProcess(scope, { folder, mqttBroker: 'none' }),
    brokerPort: undefined,
  };
}
