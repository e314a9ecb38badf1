import type { Graph, GraphParameters } from '../graph/index.js';
import { neighboursOf } from '../graph/index.js';
import type { AdvertisedKeys, SealedShares } from '../messages.js';
import type { SecureRound } from '../round.js';
import { sealedBytes } from '../secrets.js';

/** What holds for the coordinator from the roster to the end. */
export interface ServerCohort {
  readonly round: SecureRound;
  readonly rosterHash: Uint8Array;
  /** In the order of the devices' names; a device's index is its place here. */
  readonly entries: readonly AdvertisedKeys[];
  readonly leaves: Uint8Array;
  readonly parameters: GraphParameters;
  readonly graph: Graph;
  readonly indices: ReadonlyMap<string, number>;
}

/** One slot for each device of the roster, filled as messages arrive. */
export type Slots<T> = readonly (T | undefined)[];

export function emptySlots<T>(cohort: ServerCohort): Slots<T> {
  return Array.from({ length: cohort.entries.length }, () => undefined);
}

/** Indices of the filled slots, ascending. */
export function filled<T>(slots: Slots<T>): number[] {
  return slots.flatMap((slot, index) => (slot === undefined ? [] : [index]));
}

/** Neighbours of `index` that `among` holds, ascending. */
export function neighboursAmong(
  cohort: ServerCohort,
  index: number,
  among: (index: number) => boolean,
): number[] {
  return neighboursOf(cohort.graph, index).filter(among);
}

/** Whether `boxes` are one for each of the device's neighbours, ascending, and as long as boxes are. */
export function isForNeighbours(
  cohort: ServerCohort,
  index: number,
  boxes: readonly SealedShares[],
): boolean {
  const neighbours = neighboursOf(cohort.graph, index);
  return (
    boxes.length === neighbours.length &&
    boxes.every(({ peer, bytes }, i) => peer === neighbours[i] && bytes.length === sealedBytes)
  );
}
