/** Telemetry under kills: a device writes numbered records while everything around it, and itself, is killed. */
import { join, resolve } from 'node:path';
import { createSeededEntropy, uniformInteger } from '@starling/federation';
import { connect, createClient, type TelemetryLoss, TelemetryQueryService } from '@starling/proto';
import {
  createScope,
  freePort,
  operatorSecurity,
  type RunningProcess,
  repositoryRoot,
  startCoordinatorProcess,
  startMosquitto,
  startProgram,
  startSlowLink,
  temporaryFolder,
  until,
} from '../support/index.js';

export interface TelemetryKillsOptions {
  readonly seed: number;
  readonly records: number;
  readonly kills: number;
  /** Of the device's buffer. */
  readonly budgetBytes: number;
  readonly recordsPerWrite: number;
  /** Between the device and the coordinator: the coordinator's own broker, or a Mosquitto that is killed too. */
  readonly broker: 'embedded' | 'mosquitto';
  readonly note?: (text: string) => void;
}

export interface TelemetryKillsOutcome {
  /** How often each process was killed, and connections were broken. */
  readonly kills: Readonly<Record<string, number>>;
  /** How often each number is in the coordinator's store. */
  readonly held: ReadonlyMap<number, number>;
  readonly losses: readonly TelemetryLoss[];
}

const deviceId = 'gateway';
const writer = resolve(repositoryRoot, 'test/dist/faults/telemetry-writer.js');

export async function killTelemetry(options: TelemetryKillsOptions): Promise<TelemetryKillsOutcome> {
  const scope = createScope();
  try {
    return await run(options, scope);
  } finally {
    await scope.close();
  }
}

async function run(
  options: TelemetryKillsOptions,
  scope: ReturnType<typeof createScope>,
): Promise<TelemetryKillsOutcome> {
  const { seed, records, budgetBytes, recordsPerWrite, note = () => {} } = options;
  const entropy = createSeededEntropy(`telemetry ${seed}`);
  const folder = await temporaryFolder(scope, 'telemetry');
  const coordinatorFolder = join(folder, 'coordinator');
  const port = await freePort();
  const brokerPort = await freePort();
  // Everything that speaks MQTT goes through a link that can break.
  const link = await startSlowLink(scope, brokerPort);
  const linkPort = Number(link.address.split(':').at(-1));
  const startCoordinator = () =>
    startCoordinatorProcess(scope, {
      folder: coordinatorFolder,
      port,
      ...(options.broker === 'embedded' ? { mqttPort: brokerPort } : { mqttBroker: `localhost:${linkPort}` }),
    });
  const startBroker = () =>
    startMosquitto(scope, { folder: join(folder, 'mosquitto'), coordinatorFolder, port: brokerPort });
  const startWriter = () =>
    startProgram(scope, process.execPath, [
      writer,
      JSON.stringify({
        address: `127.0.0.1:${port}`,
        folder: coordinatorFolder,
        state: join(folder, 'device'),
        deviceId,
        records,
        budgetBytes,
        recordsPerWrite,
      }),
    ]);

  const running: Record<string, RunningProcess> = { coordinator: await startCoordinator() };
  if (options.broker === 'mosquitto') running.broker = await startBroker();
  running.device = startWriter();
  const starters: Record<string, () => Promise<RunningProcess> | RunningProcess> = {
    coordinator: startCoordinator,
    broker: startBroker,
    device: startWriter,
  };
  const counts: Record<string, number> = { connections: 0 };
  const targets = Object.keys(running);
  for (let kill = 0; kill < options.kills; kill += 1) {
    await new Promise((settle) => setTimeout(settle, 20 + uniformInteger(entropy, 400)));
    if (uniformInteger(entropy, 3) === 0) {
      link.breakConnections();
      counts.connections += 1;
    }
    const target = targets[uniformInteger(entropy, targets.length)];
    await running[target].end('SIGKILL');
    counts[target] = (counts[target] ?? 0) + 1;
    // Away for a while, at times for longer than the others need to notice.
    await new Promise((settle) => setTimeout(settle, uniformInteger(entropy, 300)));
    running[target] = await starters[target]();
    note(`kill ${kill + 1}: ${target}`);
  }
  await running.device.lineWhere('everything delivered', (line) => line === 'delivered', 240_000);
  await running.device.end('SIGKILL');
  return { kills: counts, ...(await readStore(scope, `127.0.0.1:${port}`, coordinatorFolder)) };
}

async function readStore(scope: ReturnType<typeof createScope>, address: string, folder: string) {
  const connection = connect(address, await operatorSecurity(folder));
  scope.onClose(() => connection.close());
  const queries = createClient(TelemetryQueryService, connection);
  const held = new Map<number, number>();
  // The coordinator may have been started just now.
  const { streams } = await until('the coordinator', () =>
    queries.listTelemetryStreams({ deviceId }).catch(() => undefined),
  );
  if (streams.length !== 1) throw new Error(`the device has ${streams.length} numberings, not one`);
  const query = { deviceId, stream: 'readings', name: '', fromMs: 0, toMs: 0, limit: 0 };
  for await (const page of queries.queryTelemetry(query)) {
    for (const { sequence, record } of page.records) {
      if (record?.value?.kind !== 'number' || record.value.value !== sequence) {
        throw new Error(`the record with number ${sequence} holds another one’s value`);
      }
      held.set(sequence, (held.get(sequence) ?? 0) + 1);
    }
  }
  return { held, losses: streams[0].losses };
}

/** Throws unless every number is held once or lost, and never both; gives how many are lost. */
export function checkNumbers({ held, losses }: TelemetryKillsOutcome, records: number): number {
  const lost = new Set<number>();
  for (const { firstSequence, endSequence } of losses) {
    for (let number = firstSequence; number < endSequence; number += 1) lost.add(number);
  }
  for (let number = 0; number < records; number += 1) {
    const times = held.get(number) ?? 0;
    if (times + (lost.has(number) ? 1 : 0) !== 1) {
      throw new Error(
        `number ${number} is held ${times} times and ${lost.has(number) ? 'lost' : 'not lost'}`,
      );
    }
  }
  if (held.size + lost.size !== records) throw new Error('there are numbers that nobody wrote');
  return lost.size;
}
