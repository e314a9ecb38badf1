/** A coordinator and agents that learn the small task, each its own process. */
import { join } from 'node:path';
import { enrolmentToken, isEnrolled } from './access.js';
import { startAgentProcess } from './agent-process.js';
import type { RunningProcess } from './child-process.js';
import { type CoordinatorProcess, startCoordinatorProcess } from './coordinator-process.js';
import { createOperator, type Operator } from './operator.js';
import { type Scope, temporaryFolder } from './scope.js';
import { type SmallTaskOptions, smallTask, writeSmallExamples } from './small-task.js';

export interface Fleet {
  readonly folder: string;
  readonly coordinator: CoordinatorProcess;
  readonly operator: Operator;
  readonly agents: readonly RunningProcess[];
  readonly task: ReturnType<typeof smallTask>;
}

export function coordinatorFolder(folder: string): string {
  return join(folder, 'coordinator');
}

export function examplesFolder(folder: string, index: number): string {
  return join(folder, `examples-${index}`);
}

export function deviceName(index: number): string {
  return `device-${index}`;
}

export interface FleetOptions extends SmallTaskOptions {
  readonly port?: number;
  /** Examples of each agent; 60 unless told. */
  readonly examples?: readonly number[];
  /** What agent `index` connects to, where it is not the coordinator itself. */
  readonly addressOf?: (index: number, address: string) => string;
}

export async function startFleet(scope: Scope, options: FleetOptions): Promise<Fleet> {
  const folder = await temporaryFolder(scope, 'fleet');
  const coordinator = await startCoordinatorProcess(scope, {
    folder: coordinatorFolder(folder),
    port: options.port ?? 0,
  });
  const task = smallTask(options);
  const agents = await Promise.all(
    Array.from({ length: options.agents }, async (_, index) => {
      await writeSmallExamples(examplesFolder(folder, index), index, options.examples?.[index]);
      const address = options.addressOf?.(index, coordinator.address) ?? coordinator.address;
      return startSmallAgent(scope, folder, address, index, task.name);
    }),
  );
  return { folder, coordinator, operator: await createOperator(scope, coordinator), agents, task };
}

/** Starts agent `index` on the examples that are there already; its state directory is kept between starts. */
export async function startSmallAgent(
  scope: Scope,
  folder: string,
  address: string,
  index: number,
  taskName: string,
  state = 'state',
): Promise<RunningProcess> {
  const deviceId = deviceName(index);
  const stateFolder = join(folder, `${state}-${index}`);
  const coordinator = { address, folder: coordinatorFolder(folder) };
  const token = (await isEnrolled(stateFolder)) ? undefined : await enrolmentToken(coordinator, deviceId);
  return startAgentProcess(scope, {
    coordinator: address,
    deviceId,
    stateFolder,
    token,
    examples: { [taskName]: examplesFolder(folder, index) },
  });
}
