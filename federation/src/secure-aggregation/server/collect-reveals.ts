import { hasDevice } from '../device-set.js';
import type { RevealedShare, RevealedShares, SharedKeys, SurvivorsAnnouncement } from '../messages.js';
import { shareBytes } from '../shamir/index.js';
import { sameBytes } from '../transcript.js';
import { emptySlots, neighboursAmong, type ServerCohort, type Slots } from './cohort.js';
import { accepted, duplicate, type Receipt, rejected } from './verdict.js';

/** Stage 5: the survivors reveal shares. */
export interface CollectingReveals {
  readonly kind: 'collecting-reveals';
  readonly cohort: ServerCohort;
  readonly shared: Slots<SharedKeys>;
  readonly announcement: SurvivorsAnnouncement;
  readonly signatures: Slots<Uint8Array>;
  readonly revealed: Slots<RevealedShares>;
}

export function collectReveals(
  cohort: ServerCohort,
  shared: Slots<SharedKeys>,
  announcement: SurvivorsAnnouncement,
  signatures: Slots<Uint8Array>,
): CollectingReveals {
  return {
    kind: 'collecting-reveals',
    cohort,
    shared,
    announcement,
    signatures,
    revealed: emptySlots(cohort),
  };
}

/** Takes the shares that `sender` reveals: one of each neighbour that shared, of the secret its fate calls for. */
export function receiveReveal(
  state: CollectingReveals,
  sender: string,
  message: RevealedShares,
): Receipt<CollectingReveals> {
  const { cohort, announcement, shared, revealed } = state;
  const index = cohort.indices.get(sender);
  if (index === undefined || !hasDevice(announcement.survivors, index)) {
    return rejected(state, 'unknown-device', `"${sender}" is not a survivor of this round`);
  }
  const known = revealed[index];
  if (known !== undefined) {
    return isSame(known.selfMasks, message.selfMasks) && isSame(known.maskKeys, message.maskKeys)
      ? duplicate(state)
      : rejected(state, 'contradiction', `"${sender}" has revealed other shares in this round`);
  }
  const owners = neighboursAmong(cohort, index, (owner) => shared[owner] !== undefined);
  const survived = owners.filter((owner) => hasDevice(announcement.survivors, owner));
  const dropped = owners.filter((owner) => !hasDevice(announcement.survivors, owner));
  if (!isOf(message.selfMasks, survived) || !isOf(message.maskKeys, dropped)) {
    return rejected(state, 'malformed', `the shares of "${sender}" are not those of its neighbours' secrets`);
  }
  return accepted({ ...state, revealed: revealed.with(index, message) });
}

function isOf(shares: readonly RevealedShare[], owners: readonly number[]): boolean {
  return (
    shares.length === owners.length &&
    shares.every(({ owner, share }, i) => owner === owners[i] && share.length === shareBytes)
  );
}

function isSame(a: readonly RevealedShare[], b: readonly RevealedShare[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ owner, share }, i) => owner === b[i].owner && sameBytes(share, b[i].share))
  );
}
