import { deviceSet } from '../device-set.js';
import type { SharedKeys, SurvivorsAnnouncement } from '../messages.js';
import { packedLength } from '../ring/index.js';
import { survivorsMinimum } from '../round.js';
import { emptySlots, filled, type ServerCohort, type Slots } from './cohort.js';
import { type CollectingSignatures, collectSignatures } from './collect-signatures.js';
import { type Abandoned, abandon, accepted, duplicate, type Receipt, rejected } from './verdict.js';

/**
 * Stage 3: masked updates arrive. The state only knows whose are in the sum; the sum itself is the caller's, who adds an
 * update (`addPacked`) and the state that says so in one durable step.
 */
export interface CollectingUpdates {
  readonly kind: 'collecting-updates';
  readonly cohort: ServerCohort;
  readonly shared: Slots<SharedKeys>;
  readonly updated: Slots<true>;
}

export function collectUpdates(cohort: ServerCohort, shared: Slots<SharedKeys>): CollectingUpdates {
  return { kind: 'collecting-updates', cohort, shared, updated: emptySlots(cohort) };
}

/** Notes that the whole update of `sender`, `packedBytes` long, has been added. Only `accepted` ones may be added. */
export function receiveUpdate(
  state: CollectingUpdates,
  sender: string,
  packedBytes: number,
): Receipt<CollectingUpdates> {
  const { cohort, shared, updated } = state;
  const index = cohort.indices.get(sender);
  if (index === undefined || shared[index] === undefined) {
    return rejected(state, 'unknown-device', `"${sender}" has not shared keys in this round`);
  }
  if (updated[index]) return duplicate(state);
  const { vectorLength, ringBits } = cohort.round;
  const expected = packedLength(vectorLength, ringBits);
  if (packedBytes !== expected) {
    return rejected(
      state,
      'malformed',
      `${vectorLength} elements of ${ringBits} bits are ${expected} bytes; "${sender}" sent ${packedBytes}`,
    );
  }
  return accepted({ ...state, updated: updated.with(index, true) });
}

/** Ends the stage: whose updates are in the sum are the survivors. */
export function closeUpdates(state: CollectingUpdates): CollectingSignatures | Abandoned {
  const { cohort, shared, updated } = state;
  const survivors = filled(updated);
  const devices = cohort.entries.length;
  const minimum = survivorsMinimum(cohort.round, devices);
  if (survivors.length < minimum) {
    return abandon('too-few-devices', `${survivors.length} updates arrived, but the minimum is ${minimum}`);
  }
  const announcement: SurvivorsAnnouncement = {
    survivors: deviceSet(devices, survivors),
    dropouts: deviceSet(
      devices,
      filled(shared).filter((index) => !updated[index]),
    ),
  };
  return collectSignatures(cohort, shared, announcement);
}
