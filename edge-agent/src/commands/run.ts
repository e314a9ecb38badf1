/** `starling-agent run`. */
import { stderrLog } from '../adapters/stderr-log.js';
import { startAgent } from '../agent.js';
import type { AgentPolicy } from '../secure-aggregation/policy.js';
import { type RunArguments, readConfiguration } from './configuration.js';
import { exitCodes } from './exit-codes.js';
import { telemetrySettings } from './telemetry-settings.js';

/** Like YAML's own reader, loaded only where there is a file: a waiting agent stays small. */
async function readPolicy(path: string): Promise<AgentPolicy> {
  const { readPolicyFile } = await import('../secure-aggregation/policy-file.js');
  return readPolicyFile(path);
}

/** Runs until SIGTERM or SIGINT; gives the exit code. */
export async function run(args: RunArguments, json: boolean): Promise<number> {
  const configuration = await readConfiguration(args);
  const log = stderrLog({ json, level: configuration.logLevel ?? 'info' });
  const { cacheMegabytes, memoryMegabytes, policy } = configuration;
  const agent = await startAgent({
    coordinator: configuration.coordinator,
    stateFolder: configuration.state,
    examples: configuration.examples,
    deviceId: configuration.deviceId,
    enrolmentToken: configuration.token,
    ownerKey: configuration.ownerKey,
    threads: configuration.threads,
    cacheBytesMax: cacheMegabytes === undefined ? undefined : cacheMegabytes * 1_000_000,
    memoryBytesMax: memoryMegabytes === undefined ? undefined : memoryMegabytes * 1_000_000,
    telemetry: telemetrySettings(configuration.telemetry),
    policy: policy === undefined ? undefined : await readPolicy(policy),
    log,
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, 'Stopping.');
    void agent.stop();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const reason = await agent.done;
  process.off('SIGTERM', onSignal);
  process.off('SIGINT', onSignal);
  log.info({}, 'Stopped.');
  return reason.kind === 'asked' ? exitCodes.done : exitCodes.incompatible;
}
