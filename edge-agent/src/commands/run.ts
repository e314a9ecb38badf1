/** `starling-agent run`. */

import type { TrainingRuntime } from '@starling/engine';
import { collectGarbage } from '../adapters/collect-garbage.js';
import { stderrLog } from '../adapters/stderr-log.js';
import { systemClock } from '../adapters/system-clock.js';
import { notifySystemd } from '../adapters/systemd.js';
import { startAgent } from '../agent.js';
import type { TrainingGate } from '../conditions/index.js';
import type { Log } from '../connection/shell.js';
import { agentMigrations } from '../migrations.js';
import type { AgentPolicy } from '../secure-aggregation/policy.js';
import { type Services, startServices } from '../services.js';
import { createPublisher, readStanding } from '../standing/index.js';
import { openStateFolder } from '../state/lock.js';
import { ownDatabase } from '../state/owned-database.js';
import { type RunArguments, type RunConfiguration, readConfiguration } from './configuration.js';
import { exitCodes } from './exit-codes.js';
import { telemetrySettings } from './telemetry-settings.js';

/** Like YAML's own reader, loaded only where there is a file: a waiting agent stays small. */
async function readPolicy(path: string): Promise<AgentPolicy> {
  const { readPolicyFile } = await import('../secure-aggregation/policy-file.js');
  return readPolicyFile(path);
}

/** What worries the services, such as drift, becomes telemetry once the agent has started it. */
async function toldToTelemetry(log: Log): Promise<Log> {
  const { instrumentedLog } = await import('../telemetry/otel/instrumentation.js');
  return instrumentedLog(log, systemClock());
}

/** By then an agent has connected, and loaded what it needs. */
const settledAfterMs = 10_000;

/** Runs until SIGTERM or SIGINT; gives the exit code. */
export async function run(args: RunArguments, json: boolean): Promise<number> {
  const configuration = await readConfiguration(args);
  const log = stderrLog({ json, level: configuration.logLevel ?? 'info' });
  const { cacheMegabytes, memoryMegabytes, policy } = configuration;
  const telemetry = telemetrySettings(configuration.telemetry);
  const { state } = configuration;
  const clock = systemClock();
  const ends: (() => Promise<void> | void)[] = [];
  try {
    const lock = await openStateFolder(state);
    ends.push(lock.release);
    const database = ownDatabase(state, agentMigrations);
    ends.push(database.close);
    const services = await startServices({
      ...configuration.services,
      stateFolder: state,
      database,
      deviceId: configuration.deviceId,
      clock,
      log: telemetry === undefined ? log : await toldToTelemetry(log),
    });
    ends.push(services.stop);
    const isolation = await startIsolation(configuration, services, log);
    ends.push(() => isolation?.gate.close());
    const before = await readStanding(state);
    const publisher = createPublisher({ stateFolder: state, processId: process.pid, clock, log });
    ends.push(publisher.close);
    const agent = await startAgent({
      ...(isolation === undefined ? {} : { ports: { runtime: isolation.runtime } }),
      coordinator: configuration.coordinator,
      stateFolder: state,
      examples: configuration.examples,
      recorded: services.ingestion?.recorded,
      releases: services.releases,
      inference: services.serving?.service,
      lock,
      database,
      deviceId: configuration.deviceId,
      enrolmentToken: configuration.token,
      ownerKey: configuration.ownerKey,
      threads: configuration.threads,
      cacheBytesMax: cacheMegabytes === undefined ? undefined : cacheMegabytes * 1_000_000,
      memoryBytesMax: memoryMegabytes === undefined ? undefined : memoryMegabytes * 1_000_000,
      telemetry,
      policy: policy === undefined ? undefined : await readPolicy(policy),
      standing: {
        lastRound: before?.lastRound ?? null,
        gate: isolation?.gate,
        onStanding: publisher.publish,
      },
      log,
    });
    const systemd = notifySystemd({ environment: process.env, clock });
    const tidying = clock.schedule(settledAfterMs, collectGarbage);
    const onSignal = (signal: NodeJS.Signals): void => {
      log.info({ signal }, 'Stopping.');
      systemd.close();
      void agent.stop();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    const reason = await agent.done;
    tidying.cancel();
    systemd.close();
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
    return reason.kind === 'asked' ? exitCodes.done : exitCodes.incompatible;
  } finally {
    const hasStarted = ends.length > 0;
    for (const end of ends.reverse()) await end();
    if (hasStarted) log.info({}, 'Stopped.');
  }
}

/** Where there is a section `conditions` or `training`: training in a process of its own, behind a gate. */
async function startIsolation(
  { conditions, training, state }: RunConfiguration,
  { serving }: Services,
  log: Log,
): Promise<{ readonly runtime: TrainingRuntime; readonly gate: TrainingGate } | undefined> {
  if (conditions === undefined && training === undefined) return undefined;
  const { startConditions } = await import('../conditions/index.js');
  const { isolatedTraining } = await import('../training/isolated/runtime.js');
  const { isolationOf, conditionsOf } = await import('./conditions-settings.js');
  const clock = systemClock();
  const gate = await startConditions({
    ...conditionsOf(conditions),
    stateFolder: state,
    service: serving?.service,
    clock,
    log,
  });
  return { gate, runtime: isolatedTraining({ settings: isolationOf(training), gate, clock }) };
}
