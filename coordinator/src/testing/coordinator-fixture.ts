/** A coordinator in a folder of its own with clients of its services: the fixture of the tests that speak gRPC. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArtifactService,
  CheckInService,
  connect,
  createClient,
  OperationsService,
  RoundService,
  type RunEvent,
} from '@starling/proto';
import { type Coordinator, type CoordinatorOptions, createLog, startCoordinator } from '../index.js';

export type Clients = ReturnType<typeof clientsOf>['clients'];

export interface Fixture extends Clients {
  readonly folder: string;
  readonly coordinator: Coordinator;
  close(): Promise<void>;
}

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'starling-coordinator-'));
}

export function clientsOf({ address }: Coordinator) {
  const connection = connect(`${address.host}:${address.port}`);
  const clients = {
    checkIns: createClient(CheckInService, connection),
    rounds: createClient(RoundService, connection),
    artifacts: createClient(ArtifactService, connection),
    operations: createClient(OperationsService, connection),
  };
  return { clients, connection };
}

/** `folder` is opened again where it is given, and kept; else it is made and removed. */
export async function startFixture(
  options: Partial<CoordinatorOptions> & { readonly folder?: string } = {},
): Promise<Fixture> {
  const folder = options.folder ?? (await temporaryFolder());
  const coordinator = await startCoordinator({ log: createLog('silent'), ...options, folder });
  const { clients, connection } = clientsOf(coordinator);
  return {
    ...clients,
    folder,
    coordinator,
    async close() {
      connection.close();
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
    secureAggregation: 'none',
    stop: { rounds: 2 },
    ...changes,
  });
}

/** The run's events up to and including the first that `isLast` accepts, or all until the run ends. */
export async function eventsUntil(
  { operations }: Pick<Clients, 'operations'>,
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
