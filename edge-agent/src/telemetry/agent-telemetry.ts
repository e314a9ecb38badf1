/** The agent's own telemetry: its database, its way to the coordinator, and what OpenTelemetry gathers. */
import type { Clock, Entropy } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import type { Connect, DeviceIdentity } from '../identity/device-identity.js';
import type { InferenceService } from '../inference/index.js';
import type { Standing } from '../standing/index.js';
import type { AgentDatabase } from '../state/database.js';
import { createOpenLink } from './open-link.js';
import { instrumentedLog, startInstrumentation } from './otel/instrumentation.js';
import type { TelemetrySettings } from './streams.js';
import { startTelemetry, type Telemetry } from './telemetry.js';

export interface AgentTelemetryOptions {
  readonly settings: TelemetrySettings;
  /** `host:port`. */
  readonly coordinator: string;
  /** Its file system is watched. */
  readonly stateFolder: string;
  /** Where records wait; closed by who opened it, afterwards. */
  readonly database: AgentDatabase;
  /** The models that are served, if there are any. */
  readonly inference?: Pick<InferenceService, 'statistics' | 'observe'> | undefined;
  /** With the newest certificate. */
  readonly identity: () => DeviceIdentity;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly connect?: Connect | undefined;
}

export interface AgentTelemetry {
  readonly telemetry: Telemetry;
  /** The agent's log, whose warnings and errors become records too. */
  readonly log: Log;
  /** To be told of each standing of the agent. */
  stands(standing: Standing): void;
  close(): Promise<void>;
}

/** @throws AgentError `agent/configuration` */
export function startAgentTelemetry(options: AgentTelemetryOptions): AgentTelemetry {
  const { settings, coordinator, stateFolder, database, identity, clock, entropy, log } = options;
  const openLink = createOpenLink({ coordinator, identity, clock, log, connect: options.connect });
  // It tells its troubles to the log alone: told to itself, each would make the next.
  const telemetry = startTelemetry({ database, settings, openLink, clock, entropy, log });
  const instrumentation = startInstrumentation({
    telemetry,
    inference: options.inference,
    stateFolder,
    periodMs: settings.metricsPeriodMs,
    clock,
    onError: (error) => log.warn({ why: String(error) }, 'A record of telemetry was not stored.'),
  });
  return {
    telemetry,
    log: instrumentedLog(log, clock),
    stands: (standing) => instrumentation.training.stands(standing, clock.now()),
    async close() {
      await instrumentation.close();
      telemetry.close();
    },
  };
}
