/** `starling serve`. */
import { once } from 'node:events';
import { resolve } from 'node:path';
import { isAddress } from '@starling/proto';
import { createLog, type LogLevel } from '../log.js';
import { startCoordinator } from '../server.js';
import type { TelemetryTransport } from '../telemetry/index.js';
import { UsageError } from './explain.js';
import { printJson, remark, type Terminal } from './terminal.js';

export interface ServeArguments {
  readonly data: string;
  readonly authority: string | undefined;
  readonly name: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly mqttPort: number | undefined;
  readonly mqttBroker: string | undefined;
  readonly telemetryGigabytes: number;
  readonly uploadsAtOnce: number;
  readonly logLevel: LogLevel;
  readonly json: boolean;
}

/** Serves until the user wants it to end. With `json`, one line on standard output says that it is ready, and where. */
export async function serve(args: ServeArguments, terminal: Terminal): Promise<void> {
  const folder = resolve(args.data);
  const log = createLog(args.logLevel);
  const coordinator = await startCoordinator({
    folder,
    authorityFolder: args.authority && resolve(args.authority),
    names: args.name,
    host: args.host,
    port: args.port,
    telemetry: telemetryTransport(args),
    limits: { telemetryBytesMax: args.telemetryGigabytes * 1e9, uploadsServedMax: args.uploadsAtOnce },
    log,
  });
  if (coordinator.adminTokenMadeAt !== undefined) {
    remark(
      terminal,
      `The operators’ token is in ${coordinator.adminTokenMadeAt}; commands on this machine find it.`,
    );
  }
  if (args.json) printJson(terminal, { event: 'serving', ...coordinator.address, folder });
  if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
  log.info({}, 'coordinator closes');
  await coordinator.close();
}

function telemetryTransport({ port, mqttPort, mqttBroker }: ServeArguments): TelemetryTransport {
  if (mqttBroker === undefined) {
    return { kind: 'embedded-broker', port: mqttPort ?? (port === 0 ? 0 : port + 1) };
  }
  if (mqttBroker === 'none') return { kind: 'grpc' };
  if (!isAddress(mqttBroker)) {
    throw new UsageError(
      `--mqtt-broker ${JSON.stringify(mqttBroker)} is not an address.`,
      'Write host:port, such as broker.example:8883, or "none".',
    );
  }
  const at = mqttBroker.lastIndexOf(':');
  return { kind: 'external-broker', host: mqttBroker.slice(0, at), port: Number(mqttBroker.slice(at + 1)) };
}
