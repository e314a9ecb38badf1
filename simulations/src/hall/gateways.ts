/** Gateways: each a `starling-agent` process with a folder of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, type OwnProcess, startProcess, stopProcesses } from '@starling/coordinator';
import { type Clock, delay } from '@starling/federation';
import { SimulationError } from '../errors.js';
import { entryOf, runCommand } from './commands.js';
import { type GatewaySettings, gatewayConfiguration, hallRecording } from './definitions.js';

export interface Gateway {
  readonly name: string;
  readonly folder: string;
  readonly process: OwnProcess;
}

/** What `starling-agent status --json` says, as far as the hall counts it. */
export interface GatewayStatus {
  readonly telemetry: readonly {
    readonly stream: string;
    readonly written: number;
    readonly delivered: number;
    readonly waiting: number;
    readonly lost: number;
  }[];
  readonly examples: readonly {
    readonly stored: number;
    readonly labelled: number;
    readonly quarantined: number;
  }[];
}

export async function makeGateway(settings: GatewaySettings, folder: string): Promise<void> {
  await mkdir(join(folder, 'models'), { recursive: true });
  await writeFile(join(folder, 'recording.yaml'), JSON.stringify(hallRecording(), undefined, 2));
  await writeFile(join(folder, 'agent.yaml'), JSON.stringify(gatewayConfiguration(settings), undefined, 2));
}

/** @param token enrols it at its first start */
export function startGateway(name: string, folder: string, token: string): Gateway {
  const process = startProcess(
    name,
    entryOf('@starling/edge-agent'),
    ['run', '--config', join(folder, 'agent.yaml'), '--log-level', 'info', '--json'],
    join(folder, 'agent.log'),
    'ignore',
    // Not an argument: those can be seen by everybody on the machine.
    { STARLING_AGENT_TOKEN: token },
  );
  return { name, folder, process };
}

export const gatewayStatus = ({ folder }: Gateway, signal: AbortSignal): Promise<GatewayStatus> =>
  runCommand('starling-agent', ['status', '--state', join(folder, 'state')], signal);

export async function stopGateways(gateways: readonly Gateway[], clock: Clock): Promise<void> {
  await stopProcesses(
    gateways.map(({ process }) => process),
    clock,
  );
}

/** @throws SimulationError where one has ended that should run */
export function checkAlive(gateways: readonly Gateway[]): void {
  const gone = gateways.find(({ process }) => !isAlive(process.child));
  if (gone === undefined) return;
  throw new SimulationError(
    'simulation/worker',
    `${gone.name} ended; its log is ${gone.process.logPath}.`,
    'Name a folder with --folder to keep it.',
  );
}

/** Between two looks at every gateway: each is a command of its own. */
export const statusEveryMs = 1000;

/** Asks again and again until it is so. @throws SimulationError after `timeoutMs` */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  timeoutMs: number,
  everyMs = 200,
): Promise<T> {
  const deadlineMs = clock.monotonic() + timeoutMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (clock.monotonic() > deadlineMs) {
      throw new SimulationError('simulation/worker', `${what} did not come within ${timeoutMs / 1000} s.`);
    }
    await delay(clock, everyMs, signal);
  }
}
