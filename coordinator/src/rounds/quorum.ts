/** How many of whom it takes: of each group that is summed apart, or of the whole cohort. */
import type { DeviceId } from '../ids.js';

export interface Quorum {
  readonly devices: ReadonlySet<DeviceId>;
  /** How many of them there must be at the least. */
  readonly minimum: number;
}

interface Devices {
  has(deviceId: DeviceId): boolean;
}

export function isReached(quorums: readonly Quorum[], there: Devices): boolean {
  return quorums.every(({ devices, minimum }) => countOf(devices, there) >= minimum);
}

/** Whether every quorum can still be reached when those come who `mayCome`. */
export function isReachable(
  quorums: readonly Quorum[],
  there: Devices,
  mayCome: (deviceId: DeviceId) => boolean,
): boolean {
  const either = { has: (deviceId: DeviceId) => there.has(deviceId) || mayCome(deviceId) };
  return isReached(quorums, either);
}

/** The fewest with which all quorums are reached. */
export function totalOf(quorums: readonly Quorum[]): number {
  return quorums.reduce((total, { minimum }) => total + minimum, 0);
}

/** In words: `at least 8`, `at least 9 (3 or more in each of 3 groups)`. */
export function describeQuorums(quorums: readonly Quorum[]): string {
  const least = `at least ${totalOf(quorums)}`;
  if (quorums.length === 1) return least;
  const minimum = Math.min(...quorums.map((quorum) => quorum.minimum));
  return `${least} (${minimum} or more in each of ${quorums.length} groups)`;
}

function countOf(devices: ReadonlySet<DeviceId>, there: Devices): number {
  let count = 0;
  for (const deviceId of devices) count += there.has(deviceId) ? 1 : 0;
  return count;
}
