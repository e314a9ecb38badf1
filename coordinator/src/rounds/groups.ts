/**
 * The groups of a cohort that are summed apart, each under masks of its own. Decided by the round's seed and cohort, so
 * that no event need tell of them; without groups the cohort is its only one.
 */
import { partitionCohort } from '@starling/federation';
import type { DeviceId } from '../ids.js';
import type { RoundStarted } from './events.js';
import type { RoundSettings } from './settings.js';

export type Group = ReadonlySet<DeviceId>;

/** What groups follow from. */
export interface GroupedCohort {
  readonly started: Pick<RoundStarted, 'selectionSeed' | 'settings'>;
  readonly cohort: ReadonlySet<DeviceId>;
}

/** A cohort never changes once it is selected, and is asked about with every message. */
const known = new WeakMap<ReadonlySet<DeviceId>, readonly Group[]>();

export function groupsOf({ started, cohort }: GroupedCohort): readonly Group[] {
  const groups = started.settings.secure?.groups ?? 1;
  if (groups === 1) return [cohort];
  const before = known.get(cohort);
  if (before !== undefined) return before;
  // Not by the attempt: a round that is tried again with the same cohort gives the same sums.
  const parts = partitionCohort([...cohort], groups, 1, started.selectionSeed).map(
    (members) => new Set(members),
  );
  known.set(cohort, parts);
  return parts;
}

/** The place of a device's group among `groupsOf`; -1 for a device that is not in the cohort. */
export function groupIndexOf(round: GroupedCohort, deviceId: DeviceId): number {
  return groupsOf(round).findIndex((group) => group.has(deviceId));
}

/** Fewest devices of a group: the smallest cohort, divided. */
export function groupMinimumOf({ updatesMin, secure }: RoundSettings): number {
  return Math.max(2, Math.floor(updatesMin / (secure?.groups ?? 1)));
}
