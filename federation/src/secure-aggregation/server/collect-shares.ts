import type { DeliveredShares, SharedKeys } from '../messages.js';
import { survivorsMinimum } from '../round.js';
import { sameBytes } from '../transcript.js';
import {
  emptySlots,
  filled,
  isForNeighbours,
  neighboursAmong,
  type ServerCohort,
  type Slots,
} from './cohort.js';
import { type CollectingUpdates, collectUpdates } from './collect-updates.js';
import { type Abandoned, abandon, accepted, duplicate, type Receipt, rejected } from './verdict.js';

/** Stage 2: the cohort shares its secrets. */
export interface CollectingShares {
  readonly kind: 'collecting-shares';
  readonly cohort: ServerCohort;
  readonly shared: Slots<SharedKeys>;
}

export function collectShares(cohort: ServerCohort): CollectingShares {
  return { kind: 'collecting-shares', cohort, shared: emptySlots(cohort) };
}

/** Takes the boxes that `sender`, whom the connection has authenticated, made for its neighbours. */
export function receiveShares(
  state: CollectingShares,
  sender: string,
  message: SharedKeys,
): Receipt<CollectingShares> {
  const { cohort, shared } = state;
  const index = cohort.indices.get(sender);
  if (index === undefined) return rejected(state, 'unknown-device', `"${sender}" is not in this round`);
  const known = shared[index];
  if (known !== undefined) {
    return isSame(known, message)
      ? duplicate(state)
      : rejected(state, 'contradiction', `"${sender}" has sent other shares in this round`);
  }
  if (message.commitment.length !== 32 || !isForNeighbours(cohort, index, message.sealed)) {
    return rejected(state, 'malformed', `the shares of "${sender}" are not one for each of its neighbours`);
  }
  return accepted({ ...state, shared: shared.with(index, message) });
}

function isSame(a: SharedKeys, b: SharedKeys): boolean {
  return (
    sameBytes(a.commitment, b.commitment) &&
    a.sealed.length === b.sealed.length &&
    a.sealed.every(({ peer, bytes }, i) => peer === b.sealed[i].peer && sameBytes(bytes, b.sealed[i].bytes))
  );
}

/** Ends the stage: whoever has not shared is lost, before there are any masks with it. */
export function closeShares(state: CollectingShares): CollectingUpdates | Abandoned {
  const { cohort, shared } = state;
  const sharers = filled(shared);
  const minimum = survivorsMinimum(cohort.round, cohort.entries.length);
  if (sharers.length < minimum) {
    return abandon('too-few-devices', `${sharers.length} devices shared keys, but the minimum is ${minimum}`);
  }
  return collectUpdates(cohort, shared);
}

/** The boxes for the device at `index` from those of its neighbours that shared. */
export function sharesFor(cohort: ServerCohort, shared: Slots<SharedKeys>, index: number): DeliveredShares {
  const senders = neighboursAmong(cohort, index, (sender) => shared[sender] !== undefined);
  return {
    sealed: senders.flatMap((sender) => {
      const box = shared[sender]?.sealed.find(({ peer }) => peer === index);
      return box === undefined ? [] : [{ peer: sender, bytes: box.bytes }];
    }),
  };
}
