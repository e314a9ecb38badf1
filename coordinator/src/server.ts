/** The coordinator as a whole: opens its folder, recovers, serves, and closes in order. */
import { join } from 'node:path';
import { onnxruntimeTraining } from '@starling/engine';
import type { Clock, Entropy } from '@starling/federation';
import {
  ArtifactService,
  addService,
  CheckInService,
  createServer,
  EnrolmentService,
  FleetService,
  OperationsService,
  ReleaseOperationsService,
  ReleaseService,
  RoundService,
  SecureAggregationService,
  TelemetryQueryService,
  TelemetryService,
} from '@starling/proto';
import { createReceivedGarbage, createSystemClock, createSystemEntropy } from './adapters/index.js';
import { createUploadSlots, openRoundSums, openSpool } from './aggregation/index.js';
import {
  artifactHandlers,
  checkInHandlers,
  enrolmentHandlers,
  fleetHandlers,
  operationsHandlers,
  releaseHandlers,
  releaseOperationsHandlers,
  roundHandlers,
  secureAggregationHandlers,
  telemetryHandlers,
  telemetryQueryHandlers,
} from './api/index.js';
import { makeFolder, openArtifactStore } from './artifacts/index.js';
import { createCheckIn, createPool, openDeviceRegistry } from './check-in/index.js';
import { CoordinatorError, refusal } from './errors.js';
import { createCentralEvaluator } from './evaluation/index.js';
import { type Audience, createFleet, openIdentity, trustDevices } from './identity/index.js';
import { parseSha256 } from './ids.js';
import { type CoordinatorLimits, defaultLimits } from './limits.js';
import { createLog, type Log } from './log.js';
import { createLedgers } from './privacy/index.js';
import { createFleetReleases, createReleaseRepository, openOnlineKey } from './releases/index.js';
import {
  createRunNotices,
  createRunner,
  createSteadyTime,
  createTaskCatalog,
  createTraffic,
} from './runner/index.js';
import { lockFolder, openSqliteStore } from './storage/index.js';
import { startTelemetry, type TelemetryTransport } from './telemetry/index.js';
import { coordinatorVersion } from './version.js';

export interface CoordinatorOptions {
  /** Everything the coordinator remembers; made where it does not exist. */
  readonly folder: string;
  /** The authority's folder, made at the first start; `authority` in the coordinator's folder unless told. */
  readonly authorityFolder?: string | undefined;
  /** Names and addresses for its certificate, for clients that check them; ours check the authority. */
  readonly names?: readonly string[];
  /** How long devices' certificates last, in milliseconds; 90 days unless told. */
  readonly deviceLifetimeMs?: number;
  /** Address to listen on; `127.0.0.1` unless told. */
  readonly host?: string;
  /** 0, or left out, takes any free port. */
  readonly port?: number;
  /** How devices' telemetry comes; over the broker within the coordinator, on any free port, unless told. */
  readonly telemetry?: TelemetryTransport;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly limits?: Partial<CoordinatorLimits>;
}

export interface Coordinator {
  readonly address: { readonly host: string; readonly port: number };
  /** PEM; what clients pin. */
  readonly authority: string;
  /** Where the operators' token was written; `undefined` where it was made at an earlier start. */
  readonly adminTokenMadeAt: string | undefined;
  /** Answers held check-ins, lets started work become durable, and frees the folder. */
  close(): Promise<void>;
}

/** How often what is known of devices is written to the store. */
const flushPeriodMs = 10_000;
/** How long calls may take to end by themselves when the coordinator closes. */
const closeGraceMs = 2_000;

/**
 * Starts a coordinator. Rejects with `FOLDER_IN_USE` where another one uses the folder, `FOLDER_UNUSABLE` where there
 * can be none, `ADDRESS_UNAVAILABLE` where it cannot listen.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { folder, host = '127.0.0.1', port = 0, log = createLog('info') } = options;
  const { clock = createSystemClock(), entropy = createSystemEntropy() } = options;
  const limits: CoordinatorLimits = { ...defaultLimits, ...options.limits };
  await makeOwnFolder(folder);
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
    const lock = lockFolder(join(folder, 'lock'), folder);
    cleanUps.push(() => lock.release());
    const store = await openSqliteStore(join(folder, 'coordinator.db'));
    cleanUps.push(() => store.close());
    const artifacts = await openArtifactStore(join(folder, 'artifacts'), store, clock);
    const spool = await openSpool(join(folder, 'spool'));
    const sums = await openRoundSums(join(folder, 'sums'));
    const evaluator = createCentralEvaluator({ artifacts, runtime: onnxruntimeTraining });
    cleanUps.push(() => evaluator.close());

    const identity = await openIdentity({
      folder,
      authorityFolder: options.authorityFolder,
      names: options.names ?? [],
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
    const server = createServer();
    const { authority, gate, enrolment, standings, changes } = identity;
    const { identities } = store;
    const wallTime = (): number => clock.now();
    const fleet = createFleet({ identities, standings, registry, gate, changes, now: wallTime });
    const fleetOptions = { fleet, enrolment, identities, authoritySha256: authority.sha256, entropy };
    const onInternalError = (error: unknown, method: string): void =>
      log.error({ err: error, method }, 'a call failed');
    const serving = (audience: Audience) => ({ onInternalError, admit: gate.admit(audience) });
    addService(server, EnrolmentService, enrolmentHandlers({ enrolment, authority: authority.der }), {
      onInternalError,
      admit: identity.admitToEnrolment,
    });
    addService(server, FleetService, fleetHandlers({ ...fleetOptions, now: wallTime }), serving('operators'));
    addService(server, CheckInService, checkInHandlers({ checkIn, now }), serving('devices'));
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
      serving('devices'),
    );
    addService(
      server,
      ArtifactService,
      artifactHandlers({ artifacts, traffic }),
      serving('devices-and-operators'),
    );
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
      serving('devices'),
    );
    addService(
      server,
      OperationsService,
      operationsHandlers({ store, artifacts, runner, tasks, notices, status }),
      serving('operators'),
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
    const fleetReleases = createFleetReleases(store.releases, repository, wallTime);
    const releases = { repository, fleet: fleetReleases, artifacts };
    addService(server, ReleaseService, releaseHandlers(releases), serving('devices'));
    addService(server, ReleaseOperationsService, releaseOperationsHandlers(releases), serving('operators'));
    const telemetry = await startTelemetry({
      folder,
      transport: options.telemetry ?? { kind: 'embedded-broker', port: 0 },
      host,
      identity,
      keptBytesMax: limits.telemetryBytesMax,
      clock,
      log,
    });
    cleanUps.push(() => telemetry.close());
    addService(server, TelemetryService, telemetryHandlers(telemetry), serving('devices'));
    addService(server, TelemetryQueryService, telemetryQueryHandlers(telemetry), serving('operators'));
    const listening = await identity.listen(server, host, port);
    const bound = listening.port;

    let flushing = clock.schedule(flushPeriodMs, flush);
    function flush(): void {
      registry.flush().catch((error: unknown) => log.error({ err: error }, 'devices could not be stored'));
      flushing = clock.schedule(flushPeriodMs, flush);
    }
    cleanUps.push(async () => {
      flushing.cancel();
      listening.close();
      pool.close();
      closing.abort();
      notices.close();
      await shutDown(server, clock);
    });
    log.info({ host, port: bound, folder }, 'coordinator serves');
    const { adminTokenMadeAt } = identity;
    if (adminTokenMadeAt !== undefined)
      log.info({ file: adminTokenMadeAt }, 'the token for operators was made');
    return {
      address: { host, port: bound },
      authority: authority.certificate,
      adminTokenMadeAt,
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function makeOwnFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder, 0o700);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CoordinatorError(
      refusal(
        'failed-precondition',
        'FOLDER_UNUSABLE',
        `The folder ${folder} cannot be used: ${why}.`,
        'Name another one.',
      ),
    );
  }
}

/** Lets running calls end, and cuts off what has not ended after the grace. */
function shutDown(server: ReturnType<typeof createServer>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const forced = clock.schedule(closeGraceMs, () => server.forceShutdown());
    server.tryShutdown(() => {
      forced.cancel();
      resolve();
    });
  });
}
