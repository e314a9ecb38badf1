/** A real agent process with a state directory and examples of its own. */
import { type RunningProcess, startProcess } from './child-process.js';
import type { Scope } from './scope.js';

export interface AgentOptions {
  readonly coordinator: string;
  readonly deviceId: string;
  readonly stateFolder: string;
  /** Enrols the device where it is not yet. */
  readonly token?: string | undefined;
  /** From task name to folder. */
  readonly examples: Readonly<Record<string, string>>;
  /** A configuration file with more than the options here. */
  readonly configuration?: string;
  /** Whether it tells of itself; not unless told. */
  readonly telemetry?: boolean;
}

/** Starts an agent and waits until it runs; whether it reaches the coordinator is another matter. */
export async function startAgentProcess(scope: Scope, options: AgentOptions): Promise<RunningProcess> {
  const examples = Object.entries(options.examples).flatMap(([task, folder]) => [
    '--examples',
    `${task}=${folder}`,
  ]);
  const env = options.token === undefined ? {} : { STARLING_AGENT_TOKEN: options.token };
  const running = startProcess(
    scope,
    'starling-agent',
    [
      'run',
      '--coordinator',
      options.coordinator,
      '--device-id',
      options.deviceId,
      '--state',
      options.stateFolder,
      ...examples,
      ...(options.configuration === undefined ? [] : ['--config', options.configuration]),
      // What agents tell of themselves has tests of its own.
      ...(options.telemetry === true ? [] : ['--no-telemetry']),
      '--json',
    ],
    env,
  );
  await running.lineWhere('Agent started.', (line) => line.includes('Agent started.'));
  return running;
}
