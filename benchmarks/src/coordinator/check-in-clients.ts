/** Many agents that check in, each over a connection of its own; a process beside the measured coordinator. */
import { CheckInService, connect, createClient } from '@starling/proto';
import { type DeviceAccess, enrolDevices } from './access.js';
import { clientInput, proceeded, report } from './processes.js';
import { checkInOf } from './task.js';

export interface CheckInInput {
  readonly address: string;
  readonly access: DeviceAccess;
  readonly agents: number;
  readonly holdMs: number;
  /** Check-ins that are being opened at the same time. */
  readonly opening: number;
}

export interface Enrolled {
  readonly seconds: number;
}

export interface Paced {
  readonly seconds: number;
  /** Mean of the windows' middles, in milliseconds: the time until a device comes back. */
  readonly comeBackMs: number;
}

const { address, access, agents, holdMs, opening } = clientInput<CheckInInput>();

const deviceIds = Array.from({ length: agents }, (_, agent) => `agent-${agent}`);
const enrolledAt = performance.now();
const identities = await enrolDevices(address, access, deviceIds);
report({ seconds: (performance.now() - enrolledAt) / 1000 } satisfies Enrolled);
await proceeded();
const clients = identities.map((security) => createClient(CheckInService, connect(address, { security })));

async function inTurns(each: (agent: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < agents) await each(next++);
  };
  await Promise.all(Array.from({ length: opening }, work));
}

// First an answer at once, which opens the connection and shows the pace the coordinator sets.
let comeBackMs = 0;
const pacedAt = performance.now();
await inTurns(async (agent) => {
  const { directive } = await clients[agent].checkIn(checkInOf(`agent-${agent}`, 0));
  if (directive?.kind !== 'comeBack') throw new Error('a check-in that is not held was given work');
  comeBackMs += (directive.value.earliestMs + directive.value.latestMs) / 2 / agents;
});
report({ seconds: (performance.now() - pacedAt) / 1000, comeBackMs } satisfies Paced);

// Then all of them held open, until this process is ended.
await proceeded();
for (let agent = 0; agent < agents; agent++) {
  const hold = (): void => {
    clients[agent].checkIn(checkInOf(`agent-${agent}`, holdMs)).then(hold, (error: unknown) => {
      throw error;
    });
  };
  hold();
}
