import { devicesOf, hasDevice } from '../device-set.js';
import type { KeySuite } from '../keys/index.js';
import type { Mask } from '../masks/index.js';
import type { RevealedShares } from '../messages.js';
import { commitmentOf, negated, pairMask, pointOf, selfMask } from '../secrets.js';
import { combineShares, lagrangeCoefficients } from '../shamir/index.js';
import { sameBytes } from '../transcript.js';
import { neighboursAmong } from './cohort.js';
import type { CollectingReveals } from './collect-reveals.js';
import { type Abandoned, abandon } from './verdict.js';

/** What takes the masks off: `applyMasks(sum, masks, ringBits)`, in one piece or in ranges on several threads. */
export interface Unmasking {
  readonly kind: 'unmasking';
  readonly masks: readonly Mask[];
  /** Whose updates the sum is of. */
  readonly survivors: readonly string[];
}

/** Whether every secret that is needed has enough shares, so that waiting for more is needless. */
export function canUnmask(state: CollectingReveals): boolean {
  const { cohort, announcement } = state;
  return [...devicesOf(announcement.survivors), ...devicesOf(announcement.dropouts)].every(
    (owner) => holdersOf(state, owner).length >= cohort.parameters.threshold,
  );
}

/**
 * Ends the round: puts the secrets together that the shares allow, the self masks of survivors and the mask keys of
 * dropouts, checks each against what its owner committed to, and gives the masks to take off the sum.
 */
export function closeReveals(state: CollectingReveals, suite: KeySuite): Unmasking | Abandoned {
  const { cohort, announcement, shared } = state;
  const { entries, rosterHash } = cohort;
  const combine = createCombiner(state);
  const masks: Mask[] = [];
  for (const owner of devicesOf(announcement.survivors)) {
    const secret = combine(owner, 'selfMasks');
    if (secret === undefined) return tooFew(entries[owner].device);
    const commitment = shared[owner]?.commitment;
    if (
      secret === 'wrong' ||
      commitment === undefined ||
      !sameBytes(commitmentOf(secret, rosterHash, owner), commitment)
    ) {
      return mismatch(entries[owner].device);
    }
    masks.push(negated(selfMask(secret, rosterHash, owner)));
  }
  for (const owner of devicesOf(announcement.dropouts)) {
    const masked = neighboursAmong(cohort, owner, (index) => hasDevice(announcement.survivors, index));
    // Nobody in the sum wears a mask of this pair's.
    if (masked.length === 0) continue;
    const secret = combine(owner, 'maskKeys');
    if (secret === undefined) return tooFew(entries[owner].device);
    if (secret === 'wrong') return mismatch(entries[owner].device);
    const pair = suite.keyPair(secret);
    if (!sameBytes(pair.publicKey, entries[owner].maskKey)) return mismatch(entries[owner].device);
    const agree = suite.agreement(pair);
    for (const neighbour of masked) {
      const agreed = agree(entries[neighbour].maskKey);
      // A survivor whose key were weak would have been refused by its neighbours: they wear no such mask.
      if (agreed !== undefined) masks.push(negated(pairMask(agreed, rosterHash, neighbour, owner)));
    }
  }
  const survivors = devicesOf(announcement.survivors).map((index) => entries[index].device);
  return { kind: 'unmasking', masks, survivors };
}

/** The survivors who revealed a share of `owner`'s, ascending. */
function holdersOf({ cohort, revealed }: CollectingReveals, owner: number): number[] {
  return neighboursAmong(cohort, owner, (holder) => revealed[holder] !== undefined);
}

/** Combines secrets; owners with the same holders have their Lagrange coefficients in common. */
function createCombiner(
  state: CollectingReveals,
): (owner: number, which: keyof RevealedShares) => Uint8Array | 'wrong' | undefined {
  const { cohort, revealed } = state;
  const { threshold } = cohort.parameters;
  const coefficientsOf = new Map<string, Float64Array>();
  const shares = revealed.map((message) => ({
    selfMasks: new Map(message?.selfMasks.map(({ owner, share }) => [owner, share])),
    maskKeys: new Map(message?.maskKeys.map(({ owner, share }) => [owner, share])),
  }));
  return (owner, which) => {
    const holders = holdersOf(state, owner).slice(0, threshold);
    if (holders.length < threshold) return undefined;
    const key = holders.join();
    let coefficients = coefficientsOf.get(key);
    if (coefficients === undefined) {
      coefficients = lagrangeCoefficients(holders.map(pointOf));
      coefficientsOf.set(key, coefficients);
    }
    const held = holders.flatMap((holder) => shares[holder][which].get(owner) ?? []);
    if (held.length < threshold) return undefined;
    return combineShares(held, coefficients) ?? 'wrong';
  };
}

function tooFew(device: string): Abandoned {
  return abandon('too-few-shares', `too few neighbours of "${device}" revealed shares of its secret`);
}

function mismatch(device: string): Abandoned {
  return abandon(
    'shares-do-not-match',
    `the shares revealed of "${device}" do not give its secret: it, or one of its neighbours, lied`,
  );
}
