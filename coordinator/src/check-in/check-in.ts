/** Answers a device that asks what to do: its work, a call held open until there is some, or when to come back. */
import { CoordinatorError, type Refusal, refusal } from '../errors.js';
import type { DeviceId, TaskName } from '../ids.js';
import { type AgentCapabilities, missingCapability, type PreparedTask } from '../runner/prepared-task.js';
import type { Work } from '../runner/work.js';
import type { Directive } from './directive.js';
import { negotiateRevision } from './negotiate.js';
import { type PaceSettings, paceWindow } from './pace.js';
import type { Pool, Visitor } from './pool.js';
import type { DeviceRegistry } from './registry.js';

export interface CheckInRequest {
  readonly deviceId: DeviceId;
  readonly protocolRevision: number;
  readonly agentVersion: string;
  readonly capabilities: AgentCapabilities;
  readonly taskNames: readonly TaskName[];
  /** How long the device lets the call stay open; 0 wants an answer at once. */
  readonly holdMs: number;
  readonly signal: AbortSignal;
}

export interface CheckInAnswer {
  readonly revision: number;
  readonly directive: Directive;
}

/** Throws `PROTOCOL_UNSUPPORTED`, `CAPABILITY_MISSING` or `FLEET_FULL`. */
export type CheckIn = (request: CheckInRequest) => Promise<CheckInAnswer>;

export interface CheckInOptions {
  readonly pool: Pool;
  readonly registry: DeviceRegistry;
  readonly pace: PaceSettings;
  /** Longest time a call is held, in milliseconds. */
  readonly holdMsMax: number;
  readonly now: () => number;
  readonly workFor: (deviceId: DeviceId, taskNames: readonly TaskName[]) => Work | undefined;
  /** The newest version of a task; `undefined` where there is none. */
  readonly taskNamed: (name: TaskName) => PreparedTask | undefined;
}

export function createCheckIn(options: CheckInOptions): CheckIn {
  const { pool, registry, pace, now } = options;

  const comeBack = (reason: string): Directive => {
    const fleetSize = registry.countSeen(now(), 2 * pace.periodMsMax);
    return { kind: 'come-back', ...paceWindow(fleetSize, pace), reason };
  };

  const standBy = (visitor: Visitor): Directive => {
    const directive = comeBack(noWork(visitor, options.taskNamed));
    if (directive.kind === 'come-back') pool.standBy(visitor, now() + directive.latestMs);
    return directive;
  };

  const direct = async (request: CheckInRequest): Promise<Directive> => {
    const { deviceId, taskNames, capabilities } = request;
    const unfinished = options.workFor(deviceId, taskNames);
    if (unfinished !== undefined) return { kind: 'work', work: unfinished };
    refuseWhereUnserved(request, options.taskNamed);
    const visitor: Visitor = { deviceId, taskNames, capabilities };
    const holdMs = Math.min(request.holdMs, options.holdMsMax);
    if (holdMs === 0 || pool.isFull()) return standBy(visitor);
    const outcome = await pool.hold(visitor, holdMs, request.signal);
    if (outcome.kind === 'work') return outcome;
    switch (outcome.cause) {
      case 'time-up':
        return standBy(visitor);
      case 'superseded':
        return comeBack('A newer check-in of this device took this one over.');
      case 'closing':
        return comeBack('The coordinator is shutting down.');
      case 'cancelled':
        return comeBack('The call was cancelled.');
    }
  };

  return async (request) => {
    const negotiated = negotiateRevision(request.protocolRevision);
    if (negotiated.kind === 'refused') throw new CoordinatorError(negotiated.refusal);
    registry.seen(request.deviceId, now(), request.agentVersion);
    return { revision: negotiated.revision, directive: await direct(request) };
  };
}

/** An agent that can serve none of its tasks is told so in a sentence instead of being left to wait. */
function refuseWhereUnserved(
  { taskNames, capabilities }: CheckInRequest,
  taskNamed: CheckInOptions['taskNamed'],
): void {
  if (taskNames.length === 0) {
    throw new CoordinatorError(
      refusal(
        'failed-precondition',
        'NO_TASKS',
        'This device names no task that it has examples for, so there is never work for it.',
        'Configure the agent with a task and a folder of examples.',
      ),
    );
  }
  const missing = taskNames.map((name): string | undefined => {
    const task = taskNamed(name);
    return task && missingCapability(task, capabilities);
  });
  if (missing.every((sentence) => sentence !== undefined)) {
    throw new CoordinatorError(capabilityMissing(missing.join(' ')));
  }
}

function capabilityMissing(sentences: string): Refusal {
  return refusal(
    'failed-precondition',
    'CAPABILITY_MISSING',
    sentences,
    'Update the agent, allow it more memory, or give it tasks that it can execute.',
  );
}

function noWork({ taskNames }: Visitor, taskNamed: CheckInOptions['taskNamed']): string {
  const unknown = taskNames.filter((name) => taskNamed(name) === undefined);
  return unknown.length === taskNames.length
    ? `There is no task named ${unknown.join(' or ')} here yet.`
    : 'No round needs this device at the moment.';
}
