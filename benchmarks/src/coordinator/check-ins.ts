/** What thousands of agents cost that wait for work. */
import { connect, createClient, OperationsService } from '@starling/proto';
import type { BenchmarkOptions, Figure } from '../figure.js';
import { rounded } from '../figure.js';
import type { CheckInInput, Paced } from './check-in-clients.js';
import type { CoordinatorOptions } from './options.js';
import { startClients, startCoordinator } from './processes.js';
import { taskJson } from './task.js';

const megabyte = 1e6;
const timeoutMs = 120_000;

export async function* measureCheckIns(
  { agents }: CoordinatorOptions,
  { note }: BenchmarkOptions,
): AsyncGenerator<Figure> {
  const base = { benchmark: 'coordinator', case: `${agents} check-ins` };
  const figure = (metric: string, unit: string, value: number): Figure => ({
    ...base,
    metric,
    unit,
    value: rounded(value),
  });
  const coordinator = await startCoordinator();
  const connection = connect(coordinator.address);
  const operations = createClient(OperationsService, connection);
  // Nobody is ever selected of a task that no run trains.
  await operations.applyTask({ definitionJson: taskJson(1000, agents, 'float32') });
  const before = await coordinator.residentBytes();
  const input: CheckInInput = { address: coordinator.address, agents, holdMs: 60_000, opening: 64 };
  const clients = startClients('check-in-clients', input);
  try {
    note(`${agents} agents connect and check in …`);
    const paced = await clients.next<Paced>();
    yield figure('checkInRate', '1/s', agents / paced.seconds);
    yield figure('comeBackAfter', 's', paced.comeBackMs / 1000);
    const connected = await coordinator.residentBytes();

    note(`${agents} check-ins are opened and held …`);
    const startedAt = performance.now();
    clients.proceed();
    for (;;) {
      const { checkInsHeld } = await operations.getStatus({});
      if (checkInsHeld >= agents) break;
      if (performance.now() - startedAt > timeoutMs)
        throw new Error(`only ${checkInsHeld} check-ins are held`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    yield figure('timeToOpen', 's', (performance.now() - startedAt) / 1000);
    const held = await coordinator.residentBytes();
    yield figure('memoryBefore', 'MB', before / megabyte);
    yield figure('memoryConnected', 'MB', connected / megabyte);
    yield figure('memoryHeld', 'MB', held / megabyte);
    yield figure('memoryPerCheckIn', 'bytes', (held - before) / agents);
  } finally {
    connection.close();
    await clients.stop();
    await coordinator.stop();
  }
}
