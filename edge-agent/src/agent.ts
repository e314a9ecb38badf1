/** Puts an agent together: state directory, ports, workshop and loop. */
import { existsSync } from 'node:fs';
import type { TrainingRuntime } from '@starling/engine';
import { type Clock, type Entropy, nodeSuite } from '@starling/federation';
import { systemClock } from './adapters/system-clock.js';
import { systemEntropy } from './adapters/system-entropy.js';
import { connectAs, holdMsDefault } from './connected.js';
import { defaultMachineSettings, type MachineSettings } from './connection/draft.js';
import { defaultWorkLimits, type WorkLimits } from './connection/read-assignment.js';
import { type Log, runShell, type Shell } from './connection/shell.js';
import type { ExitReason } from './connection/state.js';
import type { Transport } from './connection/transport.js';
import { AgentError } from './errors.js';
import { type RecordedExamples, taskExamples } from './examples/task-examples.js';
import type { Connect, DeviceIdentity } from './identity/index.js';
import type { InferenceService } from './inference/index.js';
import { agentMigrations } from './migrations.js';
import type { DeviceReleases } from './releases/index.js';
import { partyIdentity, trustCertified } from './secure-aggregation/certified.js';
import { openNoiseLedger } from './secure-aggregation/noise-ledger.js';
import { createParty } from './secure-aggregation/party.js';
import { type AgentPolicy, defaultPolicy } from './secure-aggregation/policy.js';
import { openRoundStore } from './secure-aggregation/stored-round.js';
import { type TrackerOptions, trackStanding } from './standing/index.js';
import type { OpenDatabase } from './state/database.js';
import { deviceId } from './state/device-id.js';
import { openLocalStore } from './state/local-store.js';
import { openStateFolder, type StateLock } from './state/lock.js';
import { type OwnedDatabase, ownDatabase } from './state/owned-database.js';
import { openUpdateStore } from './state/update-store.js';
import type { AgentTelemetry, TelemetrySettings } from './telemetry/index.js';
import { openArtifactCache } from './training/artifact-cache.js';
import { availableRuntimes } from './training/probe/runtimes.js';
import { createWorker } from './training/worker.js';

export interface AgentOptions {
  /** `host:port`. */
  readonly coordinator: string;
  /** Where the agent keeps its id, downloads and finished updates; made where it is missing. */
  readonly stateFolder: string;
  /** From task name to the folder with its examples. */
  readonly examples: ReadonlyMap<string, string>;
  /** Examples that this device records itself; they go before a folder of the same task. */
  readonly recorded?: RecordedExamples | undefined;
  /** The state directory's lock where it is held already; who took it releases it after the agent has ended. */
  readonly lock?: StateLock | undefined;
  /** The state directory's database where it has an owner already, who closes it after the agent has ended. */
  readonly database?: OwnedDatabase | undefined;
  /** Chosen at the first start; a random one where it is absent. */
  readonly deviceId?: string | undefined;
  /** Enrols the device at its first start. */
  readonly enrolmentToken?: string | undefined;
  /** The only owner whose plans are obeyed, base64url; each task's first one where it is absent. */
  readonly ownerKey?: string | undefined;
  /** Threads inside one operator; 1 unless told. */
  readonly threads?: number | undefined;
  /** Most bytes of downloaded plans and checkpoints to keep; 1 GiB unless told. */
  readonly cacheBytesMax?: number | undefined;
  /** Most bytes that training may take beside the waiting agent; not limited unless told. */
  readonly memoryBytesMax?: number | undefined;
  /** How long a check-in may be held open, in milliseconds; 30 s unless told. */
  readonly holdMsMax?: number | undefined;
  readonly limits?: WorkLimits | undefined;
  /** What the device's owner demands of rounds; little unless told. */
  readonly policy?: AgentPolicy | undefined;
  /** What the agent tells of itself; nothing unless told. */
  readonly telemetry?: TelemetrySettings | undefined;
  /** Models that are served beside it; telemetry tells of them. */
  readonly inference?: Pick<InferenceService, 'statistics' | 'observe'> | undefined;
  /** Releases that follow what the coordinator wants; ended by who started them. */
  readonly releases?: Pick<DeviceReleases, 'follow'> | undefined;
  /** Told how the agent stands with the coordinator and its rounds, at its start and whenever that changes. */
  readonly standing?: TrackerOptions | undefined;
  readonly settings?: MachineSettings | undefined;
  readonly log?: Log | undefined;
  readonly ports?: Partial<AgentPorts> | undefined;
}

/** What an agent needs of the world; each has its real adapter where it is not given. */
export interface AgentPorts {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly runtime: TrainingRuntime;
  /** Names of the runtimes that plans may require of this device; found out unless told. */
  runtimes(): Promise<readonly string[]>;
  transport(deviceId: string): Transport;
  /** Opens a connection to the coordinator; over gRPC unless told. */
  readonly connect: Connect;
  /** Opens the agent's database; the file in the state directory unless told. */
  readonly openDatabase: OpenDatabase;
}

export interface Agent {
  readonly deviceId: string;
  /** Stops within a couple of seconds, and settles when everything is released. Harmless when repeated. */
  stop(): Promise<void>;
  /** Settles when the agent has ended, whoever ended it. */
  readonly done: Promise<ExitReason>;
}

const silentLog: Log = { info() {}, warn() {}, error() {} };

/**
 * Starts an agent in this process.
 *
 * @throws AgentError where the options or the state directory do not allow a start
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  if (options.examples.size === 0 && options.recorded === undefined && options.releases === undefined) {
    throw new AgentError(
      'agent/configuration',
      'This agent has no examples and follows no releases, so it can do no work; name at least one task and its folder.',
    );
  }
  const { stateFolder, ports } = options;
  // What is given is not this agent's to end.
  const lock = options.lock === undefined ? await openStateFolder(stateFolder) : undefined;
  const own =
    options.database === undefined
      ? ownDatabase(stateFolder, agentMigrations, ports?.openDatabase)
      : undefined;
  const end = async (): Promise<void> => {
    await own?.close();
    await lock?.release();
  };
  try {
    return await start(options, options.database ?? own, end);
  } catch (error) {
    await end();
    throw error;
  }
}

async function start(
  options: AgentOptions,
  database: OwnedDatabase | undefined,
  end: () => Promise<void>,
): Promise<Agent> {
  const { stateFolder, ports = {}, policy = defaultPolicy } = options;
  const { secureAggregationRequired } = policy;
  const { privacy } = policy.devicePolicy;
  const limits = { ...(options.limits ?? defaultWorkLimits), secureAggregationRequired, privacy };
  const clock = ports.clock ?? systemClock();
  const entropy = ports.entropy ?? systemEntropy();
  const runtimes = ports.runtimes ?? availableRuntimes;
  const id = await deviceId(stateFolder, options.deviceId, entropy);
  const updates = await openUpdateStore(stateFolder);
  const cacheBytesMax = options.cacheBytesMax ?? 1 << 30;
  const cache = await openArtifactCache({ stateFolder, bytesMax: cacheBytesMax, clock });
  const ledger = await openNoiseLedger(stateFolder);
  const ownLog = options.log ?? silentLog;
  const connected = await connectAs(id, options, { clock, entropy, runtimes, limits, log: ownLog });
  const { transport, identity, stopRenewal } = connected;
  const telemetry = await tellOfItself(options, database, identity, { clock, entropy, log: ownLog }).catch(
    (error) => {
      stopRenewal();
      transport.close();
      throw error;
    },
  );
  const log = telemetry?.log ?? ownLog;
  const party = createParty({
    store: openRoundStore(stateFolder),
    ledger,
    tells: connected.tells,
    identity: () => partyIdentity(id, identity()),
    trust: (certificate, device) => trustCertified(certificate, device, identity(), clock.now()),
    policy: policy.devicePolicy,
    transport,
    entropy,
    suite: nodeSuite,
  });
  const worker = createWorker({
    cache,
    download: transport.download,
    examples: taskExamples(options.examples, options.recorded),
    updates,
    locals: openLocalStore(stateFolder),
    clock,
    limits,
    entropy,
    mask: party.mask,
    runtime: ports.runtime,
    runtimes,
    runtimeOptions: { threads: options.threads ?? 1, now: () => clock.monotonic() },
    memoryBytesMax: options.memoryBytesMax,
  });
  const isTraining = options.examples.size > 0 || (options.recorded?.taskNames.length ?? 0) > 0;
  const { standing } = options;
  const tracker = trackStanding(
    isTraining,
    {
      lastRound: standing?.lastRound ?? null,
      gate: standing?.gate,
      onStanding(next) {
        standing?.onStanding(next);
        telemetry?.stands(next);
      },
    },
    clock,
    standing && transport.whenReached,
  );
  const shell = isTraining
    ? runShell(
        {
          clock,
          entropy,
          transport,
          worker,
          party,
          log,
          settings: options.settings ?? defaultMachineSettings,
          holdMsMax: options.holdMsMax ?? holdMsDefault,
          stepped: tracker.stepped,
        },
        await updates.load(),
        await party.unconfirmed(),
      )
    : idleShell();
  const unfollow = connected.releases && options.releases?.follow(connected.releases);
  const done = shell.done.then(async (reason) => {
    stopRenewal();
    unfollow?.();
    transport.close();
    await worker.release();
    tracker.close();
    await telemetry?.close();
    await end();
    return reason;
  });
  log.info(
    {
      device: id,
      coordinator: options.coordinator,
      tasks: [...options.examples.keys(), ...(options.recorded?.taskNames ?? [])],
    },
    'Agent started.',
  );
  for (const [task, folder] of options.examples) {
    // They may come later, on a disk that is not mounted yet, say: no reason to stop, but one to tell.
    if (!existsSync(folder)) log.warn({ task, folder }, `There is no folder ${folder} with examples yet.`);
  }
  return {
    deviceId: id,
    done,
    async stop() {
      shell.stop();
      await done;
    },
  };
}

/** Of a device that serves and trains nothing: it need not ask for work. */
function idleShell(): Shell {
  let stop = (): void => {};
  const done = new Promise<ExitReason>((settle) => {
    stop = () => settle({ kind: 'asked' });
  });
  return { stop, done };
}

/** Loaded only where it is wanted: an agent that tells nothing of itself stays small. */
async function tellOfItself(
  { telemetry: settings, coordinator, stateFolder, inference, ports }: AgentOptions,
  database: OwnedDatabase | undefined,
  identity: () => DeviceIdentity | undefined,
  { clock, entropy, log }: Pick<AgentPorts, 'clock' | 'entropy'> & { readonly log: Log },
): Promise<AgentTelemetry | undefined> {
  const first = identity();
  if (settings === undefined || first === undefined || database === undefined) return undefined;
  const { startAgentTelemetry } = await import('./telemetry/index.js');
  const newest = (): DeviceIdentity => identity() ?? first;
  return startAgentTelemetry({
    settings,
    coordinator,
    stateFolder,
    identity: newest,
    clock,
    entropy,
    log,
    connect: ports?.connect,
    inference,
    database: await database.handle(),
  });
}
