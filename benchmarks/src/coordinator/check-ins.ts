/** What thousands of agents cost that wait for work. */
import type { BenchmarkOptions, Figure } from '../figure.js';
import { rounded } from '../figure.js';
import { connectOperator } from './access.js';
import type { CheckInInput, Enrolled, Paced } from './check-in-clients.js';
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
  // Nobody is ever selected of a task that no run trains.
  const { operations, connection, access, applyTask } = await connectOperator(coordinator, agents);
  await applyTask(taskJson(1000, agents, 'float32'));
  const before = await coordinator.residentBytes();
  const input: CheckInInput = { address: coordinator.address, access, agents, holdMs: 60_000, opening: 64 };
  const clients = startClients('check-in-clients', input);
  try {
    note(`${agents} agents enrol …`);
    const enrolled = await clients.next<Enrolled>();
    yield figure('enrolmentRate', '1/s', agents / enrolled.seconds);
    note(`${agents} agents connect, each with its certificate, and check in …`);
    clients.proceed();
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
