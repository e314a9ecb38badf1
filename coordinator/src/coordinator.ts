/**
 * The coordinator but for its sockets: opens its folder, recovers, and adds its services to whatever carries calls to
 * them: gRPC in production, a simulated network in simulations.
 */
import { join } from 'node:path';
import { onnxruntimeTraining, type TrainingRuntime } from '@starling/engine';
import type { Clock, Entropy } from '@starling/federation';
import {
  ArtifactService,
  addService,
  CheckInService,
  EnrolmentService,
  FleetService,
  OperationsService,
  ReleaseOperationsService,
  ReleaseService,
  RoundService,
  SecureAggregationService,
  type ServiceHost,
  TelemetryQueryService,
  TelemetryService,
} from '@starling/proto';
import { createReceivedGarbage } from './adapters/index.js';
import { createUploadSlots, openRoundSums, openSpool } from './aggregation/index.js';
import {
  artifactHandlers,
  checkInHandlers,
  enrolmentHandlers,
  fleetHandlers,
  hashOfRequest,
  operationsHandlers,
  releaseHandlers,
  releaseOperationsHandlers,
  roundHandlers,
  secureAggregationHandlers,
  telemetryHandlers,
  telemetryQueryHandlers,
} from './api/index.js';
import { openArtifactStore } from './artifacts/index.js';
import { createCheckIn, createPool, openDeviceRegistry } from './check-in/index.js';
import { createCentralEvaluator } from './evaluation/index.js';
import { createFleet, type Identity, openIdentity, trustDevices } from './identity/index.js';
import { parseSha256 } from './ids.js';
import type { CoordinatorLimits } from './limits.js';
import type { Log } from './log.js';
import { createLedgers } from './privacy/index.js';
import { createFleetReleases, createReleaseRepository, openOnlineKey } from './releases/index.js';
import {
  createRunNotices,
  createRunner,
  createSteadyTime,
  createTaskCatalog,
  createTraffic,
} from './runner/index.js';
import { type OpenDatabase, openDatabaseFile, openSqliteStore } from './storage/index.js';
import { startTelemetry, type TelemetryTransport } from './telemetry/index.js';
import { coordinatorVersion } from './version.js';

export interface OpenCoordinatorOptions {
  /** There already; everything the coordinator remembers. */
  readonly folder: string;
  readonly authorityFolder?: string | undefined;
  readonly names: readonly string[];
  readonly deviceLifetimeMs?: number | undefined;
  readonly host: string;
  readonly telemetry: TelemetryTransport;
  readonly log: Log;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly limits: CoordinatorLimits;
  /** What carries calls to the services. */
  readonly server: ServiceHost;
  /** The file at the path unless told. */
  readonly openDatabase?: OpenDatabase;
  /** Of central evaluation; ONNX Runtime unless told. */
  readonly runtime?: TrainingRuntime;
}

export interface OpenCoordinator {
  readonly identity: Identity;
  /** Answers held calls and takes no more; `close` follows when running calls have ended. */
  stopServing(): void;
  /** Lets started work become durable, and frees what was opened. */
  close(): Promise<void>;
}

/** How often what is known of devices is written to the store. */
const flushPeriodMs = 10_000;

/** Rejects where the folder cannot be used or was written by a newer coordinator. */
export async function openCoordinator(options: OpenCoordinatorOptions): Promise<OpenCoordinator> {
  const { folder, host, log, clock, entropy, limits, server, openDatabase = openDatabaseFile } = options;
  const cleanUps: (() => Promise<void> | void)[] = [];
  /** What was opened last is closed first; one failure does not keep the rest open. */
  const closeAll = async (): Promise<void> => {
    for (const cleanUp of cleanUps.splice(0).reverse()) {
      try {
        await cleanUp();
      } catch (error) {
        log.error({ err: error }, 'closing failed');
      }
    }
  };

  try {
    const store = await openSqliteStore(join(folder, 'coordinator.db'), openDatabase);
    cleanUps.push(() => store.close());
    const artifacts = await openArtifactStore(join(folder, 'artifacts'), store, clock);
    const spool = await openSpool(join(folder, 'spool'));
    const sums = await openRoundSums(join(folder, 'sums'));
    const evaluator = createCentralEvaluator({ artifacts, runtime: options.runtime ?? onnxruntimeTraining });
    cleanUps.push(() => evaluator.close());

    const identity = await openIdentity({
      folder,
      authorityFolder: options.authorityFolder,
      names: options.names,
      deviceLifetimeMs: options.deviceLifetimeMs,
      identities: store.identities,
      clock,
      entropy,
      onError: (error, what) => log.error({ err: error }, what),
    });

    const time = createSteadyTime(clock);
    const { now } = time;
    const startedAtMs = now();
    const registry = await openDeviceRegistry(store, limits.devicesMax);
    cleanUps.push(() => registry.flush());
    const tasks = createTaskCatalog(store, artifacts, now);
    await tasks.warmUp();
    const traffic = createTraffic();
    const notices = createRunNotices();
    const pool = createPool({
      clock,
      now,
      heldMax: limits.checkInsHeldMax,
      standingByMax: limits.devicesMax,
      onArrival: (taskNames) => runner.arrived(taskNames),
    });
    const ledgers = createLedgers(store.ledgers, now);
    const runner = createRunner({
      store,
      artifacts,
      spool,
      sums,
      pool,
      evaluator,
      traffic,
      notices,
      clock,
      time,
      entropy,
      ledgers,
      log,
      checkpointsKept: limits.checkpointsKept,
      requestHash: hashOfRequest,
      trust: trustDevices(identity.authority.certificate, identity.standings, clock),
      prepareTask: (name, version) => tasks.prepare(name, version),
    });
    cleanUps.push(() => runner.close());
    await runner.recover();
    for (const deviceId of runner.knownDevices()) registry.seen(deviceId, startedAtMs);

    const checkIn = createCheckIn({
      pool,
      registry,
      pace: limits.pace,
      holdMsMax: limits.holdMsMax,
      now,
      workFor: (deviceId, taskNames) => runner.workFor(deviceId, taskNames),
      taskNamed: (name) => tasks.prepared(name),
    });
    const status = () => ({
      version: coordinatorVersion(),
      devicesSeen: registry.countSeen(now(), 2 * limits.pace.periodMsMax),
      checkInsHeld: pool.held,
      memoryBytes: process.memoryUsage().rss,
      uptimeMs: now() - startedAtMs,
    });
    const { authority, gate, enrolment, standings, changes } = identity;
    const { identities } = store;
    const wallTime = (): number => clock.now();
    const fleet = createFleet({ identities, standings, registry, gate, changes, now: wallTime });
    const fleetOptions = { fleet, enrolment, identities, authoritySha256: authority.sha256, entropy };
    const onInternalError = (error: unknown, method: string): void =>
      log.error({ err: error, method }, 'a call failed');
    const serving = { onInternalError, admit: gate.admit };
    addService(server, EnrolmentService, enrolmentHandlers({ enrolment, authority: authority.der }), serving);
    addService(server, FleetService, fleetHandlers({ ...fleetOptions, now: wallTime }), serving);
    addService(server, CheckInService, checkInHandlers({ checkIn, now }), serving);
    addService(
      server,
      RoundService,
      roundHandlers({
        registry,
        runner,
        spool,
        slots: createUploadSlots(limits.uploadsServedMax),
        noteReceived: createReceivedGarbage(),
        clock,
        now,
        idleMsMax: limits.uploadIdleMsMax,
      }),
      serving,
    );
    addService(server, ArtifactService, artifactHandlers({ artifacts, traffic }), serving);
    const closing = new AbortController();
    addService(
      server,
      SecureAggregationService,
      secureAggregationHandlers({
        registry,
        runner,
        now,
        clock,
        holdMsMax: limits.holdMsMax,
        closing: closing.signal,
      }),
      serving,
    );
    addService(
      server,
      OperationsService,
      operationsHandlers({ store, artifacts, runner, tasks, notices, status }),
      serving,
    );
    const repository = createReleaseRepository({
      store: store.releases,
      onlineKey: await openOnlineKey(folder, entropy),
      isHeld: async ({ sha256 }) => {
        const parsed = parseSha256(sha256);
        return parsed !== undefined && (await store.artifacts.find(parsed)) !== undefined;
      },
      now: wallTime,
    });
    const fleetReleases = createFleetReleases(store.releases, repository, wallTime, {
      all: async () =>
        new Map(
          (await store.identities.list())
            .filter(({ revokedAtMs }) => revokedAtMs === 0)
            .map(({ deviceId, labels }) => [deviceId, labels]),
        ),
      async labelsOf(deviceId) {
        const found = await store.identities.find(deviceId);
        return found?.revokedAtMs === 0 ? found.labels : undefined;
      },
    });
    const releases = { repository, fleet: fleetReleases, artifacts };
    addService(server, ReleaseService, releaseHandlers(releases), serving);
    addService(server, ReleaseOperationsService, releaseOperationsHandlers(releases), serving);
    const telemetry = await startTelemetry({
      folder,
      transport: options.telemetry,
      openDatabase,
      host,
      identity,
      keptBytesMax: limits.telemetryBytesMax,
      clock,
      log,
    });
    cleanUps.push(() => telemetry.close());
    addService(server, TelemetryService, telemetryHandlers(telemetry), serving);
    addService(server, TelemetryQueryService, telemetryQueryHandlers(telemetry), serving);
    let flushing = clock.schedule(flushPeriodMs, flush);
    function flush(): void {
      registry.flush().catch((error: unknown) => log.error({ err: error }, 'devices could not be stored'));
      flushing = clock.schedule(flushPeriodMs, flush);
    }
    return {
      identity,
      stopServing() {
        flushing.cancel();
        pool.close();
        closing.abort();
        notices.close();
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}
