/** One life of a device's process: the agent, and its telemetry and releases where they are asked for. */
import { X509Certificate } from 'node:crypto';
import {
  createOpenLink,
  defaultReleaseSettings,
  diskFiles,
  openAgentDatabase,
  openReleases,
  type Releases,
  readIdentity,
  startAgent,
  startTelemetry,
  type Telemetry,
  type TelemetrySettings,
  telemetryMigrations,
} from '@starling/edge-agent';
import type { ExampleSource, TrainingRuntime } from '@starling/engine';
import type { Connection } from '@starling/proto';
import { openSimulatedDatabase } from './database.js';
import { logOf, type Mishap } from './mishaps.js';
import type { Network } from './network.js';
import { type OnServed, simulatedServing } from './serving.js';
import type { SimulatedProcess } from './simulated-process.js';

export interface DeviceLife {
  readonly process: SimulatedProcess;
  readonly telemetry: Promise<Telemetry | undefined>;
  /** Records that the coordinator has not confirmed; `undefined` while the agent starts. */
  waiting(): number | undefined;
  /** What is known of releases; `undefined` while the agent starts, or where it follows none. */
  releases(): Releases['state'] | undefined;
  stop(): void;
}

export interface DeviceSetting {
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly network: Network;
  readonly taskNames: readonly string[];
  readonly telemetry: boolean;
  readonly releases: { readonly root: Uint8Array; readonly onServed: OnServed } | undefined;
  readonly runtime: TrainingRuntime;
  readonly examples: () => ExampleSource;
  readonly mishaps: Mishap[];
  /** Ends the process; whoever supervises it starts it again. */
  restart(): void;
}

export const holdMsMax = 10_000;

/** So often that a rollout goes through its stages while there are faults. */
const releaseReportMsMax = 3_000;

export const telemetrySettings: TelemetrySettings = {
  streams: [{ name: 'events', priority: 'critical', timeToLiveMs: null }],
  budgetBytes: 64 * 1024,
  bytesPerSecondMax: null,
  metricsPeriodMs: 60_000,
};

export function startDeviceLife(setting: DeviceSetting): DeviceLife {
  const { name, process, network, mishaps, restart } = setting;
  const { machine, clock, entropy } = process;
  const stateFolder = `${process.mount}/agent`;
  const log = logOf(name, process, mishaps);
  const connect = (_address: string, { security }: { readonly security: unknown }): Connection =>
    network.connect(process, certificateIn(security));
  const openDatabase = openSimulatedDatabase(process);
  let stop = (): void => process.kill();
  let followed: Releases | undefined;

  const start = async () => {
    const { releases } = setting;
    if (releases !== undefined) {
      const files = diskFiles(`${stateFolder}/releases`);
      followed = await openReleases({
        files,
        ...simulatedServing(name, files, releases.onServed, restart),
        clock,
        entropy,
        log,
        settings: { ...defaultReleaseSettings, reportMsMax: releaseReportMsMax, root: releases.root },
      });
    }
    return startAgent({
      coordinator: 'coordinator:1',
      stateFolder,
      lock: { release: async () => {} },
      examples: new Map(),
      recorded: { taskNames: setting.taskNames, revision: () => '1', open: setting.examples },
      ...(followed === undefined ? {} : { releases: followed }),
      holdMsMax,
      log,
      ports: {
        clock,
        entropy,
        runtime: setting.runtime,
        runtimes: async () => ['onnxruntime'],
        connect,
        openDatabase,
      },
    });
  };

  const started = start();
  const failed = (error: unknown): void => {
    if (!process.isAlive) return;
    // With a full disk it cannot start; whoever supervises it tries again.
    if (!machine.disk.isFull) mishaps.push({ where: `start of ${name}`, error });
    restart();
  };
  started.then((agent) => {
    stop = () => void agent.stop();
    return agent.done.then((reason) => {
      if (!process.isAlive) return;
      if (reason.kind === 'incompatible') mishaps.push({ where: name, error: reason });
      restart();
    });
  }, failed);

  const tell = async (): Promise<Telemetry | undefined> => {
    const identity = await readIdentity(stateFolder);
    if (identity === undefined || !process.isAlive) return undefined;
    return startTelemetry({
      database: openAgentDatabase(stateFolder, telemetryMigrations, openDatabase),
      settings: telemetrySettings,
      openLink: createOpenLink({
        coordinator: 'coordinator:1',
        identity: () => identity,
        clock,
        log,
        connect,
      }),
      clock,
      entropy,
      log,
    });
  };
  const told = setting.telemetry ? started.then(tell) : Promise.resolve(undefined);
  let opened: Telemetry | undefined;
  told.then((made) => {
    opened = made;
  }, failed);

  return {
    process,
    telemetry: told.catch(() => undefined),
    waiting: () =>
      opened?.status().streams.reduce((sum, { next, acknowledged }) => sum + next - acknowledged, 0),
    releases: () => followed?.state,
    stop: () => stop(),
  };
}

function certificateIn(security: unknown): X509Certificate | undefined {
  const identity = (security as { identity?: { certificate: string } }).identity;
  return identity && new X509Certificate(identity.certificate);
}
