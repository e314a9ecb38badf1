/**
 * Devices that wait for work: those whose call is held open, and those that were told when to come back. The pool
 * knows no rounds; who directs them asks it for candidates and hands it work.
 */
import type { Clock, Scheduled } from '@starling/federation';
import type { DeviceId, TaskName } from '../ids.js';
import type { AgentCapabilities } from '../runner/prepared-task.js';
import type { Work } from '../runner/work.js';

export interface Visitor {
  readonly deviceId: DeviceId;
  readonly taskNames: readonly TaskName[];
  readonly capabilities: AgentCapabilities;
}

/** How a held call ended. */
export type Outcome =
  | { readonly kind: 'work'; readonly work: Work }
  | { readonly kind: 'nothing'; readonly cause: 'time-up' | 'superseded' | 'closing' | 'cancelled' };

export interface CandidateQuery {
  readonly taskName: TaskName;
  readonly canServe: (capabilities: AgentCapabilities) => boolean;
  /** Where fewer than this many calls are held, devices that come back by then are candidates too. */
  readonly wanted: number;
  readonly backByMs: number;
}

export interface Candidates {
  readonly devices: readonly DeviceId[];
  /** When the newest of them came; 0 where there are none. */
  readonly lastArrivalAtMs: number;
}

export interface Pool {
  readonly held: number;
  isFull(): boolean;
  /** Holds a call until work comes or the time is up. The visitor's older call, if any, ends at once. */
  hold(visitor: Visitor, holdMs: number, signal: AbortSignal): Promise<Outcome>;
  /** Notes that a device comes back by `backByMs`, so it may be given work until then. */
  standBy(visitor: Visitor, backByMs: number): void;
  candidates(query: CandidateQuery): Candidates;
  /** Ends the device's wait; false where its call is not held: it gets its work when it comes back. */
  deliver(deviceId: DeviceId, work: Work): boolean;
  /** Answers every held call; none is held afterwards. */
  close(): void;
}

interface Held {
  readonly visitor: Visitor;
  readonly arrivedAtMs: number;
  finish(outcome: Outcome): void;
}

interface StandingBy {
  readonly visitor: Visitor;
  readonly arrivedAtMs: number;
  readonly backByMs: number;
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly now: () => number;
  /** Most calls held open at a time. */
  readonly heldMax: number;
  /** Most devices remembered as coming back. */
  readonly standingByMax: number;
  /** Called when somebody came who serves these tasks. */
  readonly onArrival: (taskNames: readonly TaskName[]) => void;
}

export function createPool(options: PoolOptions): Pool {
  const { clock, now } = options;
  const held = new Map<DeviceId, Held>();
  const standingBy = new Map<DeviceId, StandingBy>();
  let closed = false;

  return {
    get held() {
      return held.size;
    },

    isFull: () => closed || held.size >= options.heldMax,

    hold(visitor, holdMs, signal) {
      const { deviceId } = visitor;
      held.get(deviceId)?.finish({ kind: 'nothing', cause: 'superseded' });
      standingBy.delete(deviceId);
      return new Promise((resolve) => {
        let timer: Scheduled | undefined;
        const onAbort = (): void => entry.finish({ kind: 'nothing', cause: 'cancelled' });
        const entry: Held = {
          visitor,
          arrivedAtMs: now(),
          finish(outcome) {
            if (held.get(deviceId) === entry) held.delete(deviceId);
            timer?.cancel();
            signal.removeEventListener('abort', onAbort);
            resolve(outcome);
          },
        };
        if (closed || signal.aborted) {
          entry.finish({ kind: 'nothing', cause: closed ? 'closing' : 'cancelled' });
          return;
        }
        held.set(deviceId, entry);
        signal.addEventListener('abort', onAbort);
        timer = clock.schedule(holdMs, () => entry.finish({ kind: 'nothing', cause: 'time-up' }));
        options.onArrival(visitor.taskNames);
      });
    },

    standBy(visitor, backByMs) {
      const { deviceId } = visitor;
      if (!standingBy.has(deviceId) && standingBy.size >= options.standingByMax) return;
      standingBy.set(deviceId, { visitor, arrivedAtMs: now(), backByMs });
      options.onArrival(visitor.taskNames);
    },

    candidates({ taskName, canServe, wanted, backByMs }) {
      const devices: DeviceId[] = [];
      let lastArrivalAtMs = 0;
      const consider = ({ visitor, arrivedAtMs }: Held | StandingBy): void => {
        if (!visitor.taskNames.includes(taskName) || !canServe(visitor.capabilities)) return;
        devices.push(visitor.deviceId);
        lastArrivalAtMs = Math.max(lastArrivalAtMs, arrivedAtMs);
      };
      for (const entry of held.values()) consider(entry);
      if (devices.length >= wanted) return { devices, lastArrivalAtMs };
      const nowMs = now();
      for (const [deviceId, entry] of standingBy) {
        if (entry.backByMs < nowMs) standingBy.delete(deviceId);
        else if (entry.backByMs <= backByMs && !held.has(deviceId)) consider(entry);
      }
      return { devices, lastArrivalAtMs };
    },

    deliver(deviceId, work) {
      standingBy.delete(deviceId);
      const entry = held.get(deviceId);
      entry?.finish({ kind: 'work', work });
      return entry !== undefined;
    },

    close() {
      closed = true;
      for (const entry of [...held.values()]) entry.finish({ kind: 'nothing', cause: 'closing' });
    },
  };
}
