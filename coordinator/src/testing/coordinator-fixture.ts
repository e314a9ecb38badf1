/** A coordinator in a folder of its own with clients of its services: the fixture of the tests that speak gRPC. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededEntropy } from '@starling/federation';
import {
  ArtifactService,
  CheckInService,
  type Connection,
  connect,
  createClient,
  FleetService,
  OperationsService,
  privateKeyFromSeed,
  RoundService,
  type RunEvent,
  type ServiceClient,
} from '@starling/proto';
import { applySigned } from '../commands/apply-signed.js';
import { type Coordinator, type CoordinatorOptions, createLog, startCoordinator } from '../index.js';
import { parseTask } from '../tasks/index.js';
import { enrolDevice } from './devices.js';

export type Clients = ReturnType<typeof clientsOf>;

export interface Fixture extends Clients {
  readonly folder: string;
  readonly coordinator: Coordinator;
  readonly address: string;
  /** An operator's connection. */
  readonly operator: Connection;
  readonly fleet: ServiceClient<typeof FleetService>;
  readonly artifacts: ServiceClient<typeof ArtifactService>;
  readonly operations: ServiceClient<typeof OperationsService>;
  /** A connection of an enrolled device, made at its first use. */
  deviceConnection(deviceId: string): Promise<Connection>;
  /** Makes a token for new devices, or for one. */
  token(settings?: { deviceId?: string; usesMax?: number; lifetimeMs?: number }): Promise<string>;
  /** Applies a task, signed by the fixture's owner. */
  applyTask(definitionJson: string): Promise<void>;
  close(): Promise<void>;
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'starling-coordinator-'));
}

/** Owns the tasks of all fixtures. */
export const fixtureOwner = privateKeyFromSeed(createSeededEntropy('owner').bytes(32));

/** Calls as the device that their message names, over that device's own connection. */
export function clientsOf(connectionOf: (deviceId: string) => Promise<Connection>) {
  const roundsOf = async (deviceId: string) => createClient(RoundService, await connectionOf(deviceId));
  const checkIns: ServiceClient<typeof CheckInService> = {
    checkIn: async (request, options) =>
      createClient(CheckInService, await connectionOf(request.deviceId)).checkIn(request, options),
  };
  const rounds: ServiceClient<typeof RoundService> = {
    getRoundState: async (request, options) =>
      (await roundsOf(request.deviceId)).getRoundState(request, options),
    getUpload: async (request, options) => (await roundsOf(request.deviceId)).getUpload(request, options),
    reportEvaluation: async (request, options) =>
      (await roundsOf(request.deviceId)).reportEvaluation(request, options),
    reportFailure: async (request, options) =>
      (await roundsOf(request.deviceId)).reportFailure(request, options),
    async uploadUpdate(requests, options) {
      const messages = iterate(requests);
      const first = await messages.next();
      const part = first.done === true ? undefined : first.value.part;
      const deviceId = part?.kind === 'header' ? part.value.deviceId : 'a';
      const all = async function* () {
        if (first.done === true) return;
        yield first.value;
        for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
          yield next.value;
        }
      };
      return (await roundsOf(deviceId)).uploadUpdate(all(), options);
    },
  };
  return { checkIns, rounds };
}

async function* iterate<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

/** `folder` is opened again where it is given, and kept; else it is made and removed. */
export async function startFixture(
  options: Partial<CoordinatorOptions> & { readonly folder?: string } = {},
): Promise<Fixture> {
  const folder = options.folder ?? (await temporaryFolder());
  const coordinator = await startCoordinator({ log: createLog('silent'), ...options, folder });
  const { authority } = coordinator;
  const address = `${coordinator.address.host}:${coordinator.address.port}`;
  const adminToken = (await readFile(join(folder, 'admin.token'), 'utf8')).trim();
  const operator = connect(address, { security: { kind: 'tls', authority }, token: adminToken });
  const operations = createClient(OperationsService, operator);
  const fleet = createClient(FleetService, operator);
  const connections = new Map<string, Promise<Connection>>();

  const token: Fixture['token'] = async ({ deviceId = '', usesMax = 1, lifetimeMs = 86_400_000 } = {}) =>
    (await fleet.createToken({ group: 'test', deviceId, lifetimeMs, usesMax })).text;

  const deviceConnection = (deviceId: string): Promise<Connection> => {
    // A device that cannot exist speaks through one that can.
    const named = /^[A-Za-z0-9._-]{1,64}$/.test(deviceId) ? deviceId : 'a';
    const known = connections.get(named);
    if (known !== undefined) return known;
    const made = (async () => {
      const text = await token({ deviceId: named });
      return connect(address, { security: await enrolDevice(address, authority, text, named) });
    })();
    connections.set(named, made);
    return made;
  };

  return {
    ...clientsOf(deviceConnection),
    folder,
    coordinator,
    address,
    operator,
    operations,
    fleet,
    artifacts: createClient(ArtifactService, operator),
    deviceConnection,
    token,
    async applyTask(definitionJson) {
      await applySigned(operations, parseTask(definitionJson), fixtureOwner);
    },
    async close() {
      for (const connection of connections.values()) (await connection).close();
      operator.close();
      await coordinator.close();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Features, classes and parameters of the fixture's model, one dense layer. */
export const featureCount = 6;
export const classCount = 3;
export const parameterCount = featureCount * classCount + classCount;

/** A task over that model, with `changes` on top. */
export function taskJson(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    name: 'toy',
    model: {
      kind: 'sequential',
      inputShape: [featureCount],
      layers: [{ kind: 'dense', units: classCount }],
    },
    contract: {
      features: [{ name: 'x', dataType: 'float32', shape: [featureCount], range: [-10, 10] }],
      target: { kind: 'class', name: 'y', classes: classCount },
    },
    training: { loss: 'softmax-cross-entropy', batchSize: 4, learningRate: 0.1 },
    cohort: { size: 3 },
    stop: { rounds: 2 },
    ...changes,
  });
}

/** The run's events up to and including the first that `isLast` accepts, or all until the run ends. */
export async function eventsUntil(
  { operations }: Pick<Fixture, 'operations'>,
  runId: string,
  isLast: (event: RunEvent) => boolean = () => false,
): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const { event } of operations.watchRun({ runId, afterSequence: 0 })) {
    if (event === undefined) continue;
    events.push(event);
    if (isLast(event)) break;
  }
  return events;
}
