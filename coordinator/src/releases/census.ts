/**
 * How the newest rollouts do, counted as devices report: a report costs what it changes, however many devices there are.
 * What the store has is read anew now and then, for devices that were revoked or got other labels meanwhile.
 */
import type { DeviceId } from '../ids.js';
import { isOver, isReached, type Rollout, type RolloutTally } from './rollout.js';
import type { DeviceRelease, ReleaseHealth, ReportedRelease } from './store.js';

export type DeviceLabels = Readonly<Record<string, string>>;

/** What is read of the store to begin with. */
export interface CensusStart {
  /** The newest of each name. */
  readonly rollouts: readonly Rollout[];
  /** Devices that enrolled and are not revoked, with when they were last heard of; in the order of that. */
  readonly followers: readonly { readonly deviceId: DeviceId; readonly reportedAtMs: number }[];
  readonly labels: ReadonlyMap<DeviceId, DeviceLabels>;
  /** What was said of the versions of rollouts that go on. */
  readonly reports: readonly DeviceRelease[];
}

export interface Census {
  readonly rollouts: Iterable<Rollout>;
  /** A device was heard of. */
  heard(deviceId: DeviceId, labels: DeviceLabels, atMs: number, running: readonly ReportedRelease[]): void;
  /** A rollout that is new, or has changed. */
  put(rollout: Rollout): void;
  /** Undefined where there is no rollout of that name. */
  tally(name: string, nowMs: number): RolloutTally | undefined;
  rollout(name: string): Rollout | undefined;
}

interface Follower {
  readonly reportedAtMs: number;
  readonly labels: DeviceLabels;
}

interface Counted {
  readonly rollout: Rollout;
  /** The newest word of each device since the rollout began. */
  readonly words: Map<DeviceId, ReleaseHealth>;
  readonly reached: Set<DeviceId>;
  proven: number;
  failed: number;
}

/** A device that was not heard of for a day does not hold a rollout up. */
export const followMs = 24 * 3600 * 1000;

export function createCensus({ rollouts, followers: heardOf, labels, reports }: CensusStart): Census {
  /** The one that was silent the longest comes first. */
  const followers = new Map<DeviceId, Follower>();
  const counted = new Map<string, Counted>();

  const put = (rollout: Rollout): void => {
    const { name, version, startedAtMs } = rollout;
    const before = counted.get(name);
    const goesOn = before?.rollout.version === version && before.rollout.startedAtMs === startedAtMs;
    const entry: Counted = {
      rollout,
      // What was said before is of an earlier rollout of the same version.
      words: goesOn ? before.words : new Map(),
      ...{ reached: new Set<DeviceId>(), proven: 0, failed: 0 },
    };
    for (const health of entry.words.values()) if (health === 'failed') entry.failed += 1;
    for (const [deviceId, follower] of followers) reach(entry, deviceId, follower);
    counted.set(name, entry);
  };

  const reach = (entry: Counted, deviceId: DeviceId, { labels }: Follower): void => {
    if (!isReached(entry.rollout, deviceId, labels)) return;
    entry.reached.add(deviceId);
    if (entry.words.get(deviceId) === 'proven') entry.proven += 1;
  };

  const leave = (entry: Counted, deviceId: DeviceId): void => {
    if (entry.reached.delete(deviceId) && entry.words.get(deviceId) === 'proven') entry.proven -= 1;
  };

  const say = (entry: Counted, deviceId: DeviceId, health: ReleaseHealth): void => {
    const before = entry.words.get(deviceId);
    entry.words.set(deviceId, health);
    const change = (wanted: ReleaseHealth): number => Number(health === wanted) - Number(before === wanted);
    entry.failed += change('failed');
    if (entry.reached.has(deviceId)) entry.proven += change('proven');
  };

  for (const { deviceId, reportedAtMs } of heardOf) {
    const known = labels.get(deviceId);
    if (known !== undefined) followers.set(deviceId, { reportedAtMs, labels: known });
  }
  for (const rollout of rollouts) put(rollout);
  for (const { deviceId, name, version, health, reportedAtMs } of reports) {
    const entry = counted.get(name);
    if (entry?.rollout.version !== version || reportedAtMs < entry.rollout.startedAtMs) continue;
    say(entry, deviceId, health);
  }

  return {
    get rollouts() {
      return [...counted.values()].map(({ rollout }) => rollout);
    },
    rollout: (name) => counted.get(name)?.rollout,
    put,
    heard(deviceId, labels, reportedAtMs, running) {
      const follower = { reportedAtMs, labels };
      // Last in the order of being heard of.
      followers.delete(deviceId);
      followers.set(deviceId, follower);
      for (const entry of counted.values()) {
        if (isOver(entry.rollout)) continue;
        leave(entry, deviceId);
        reach(entry, deviceId, follower);
        const own = running.filter(
          ({ name, version }) => name === entry.rollout.name && version === entry.rollout.version,
        );
        for (const { health } of own) say(entry, deviceId, health);
      }
    },
    tally(name, nowMs) {
      for (const [deviceId, { reportedAtMs }] of followers) {
        if (reportedAtMs >= nowMs - followMs) break;
        followers.delete(deviceId);
        for (const entry of counted.values()) leave(entry, deviceId);
      }
      const entry = counted.get(name);
      if (entry === undefined) return undefined;
      const { reached, proven, failed } = entry;
      return { fleet: followers.size, reached: reached.size, proven, failed };
    },
  };
}
