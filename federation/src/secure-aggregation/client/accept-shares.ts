import { type KeySuite, openBox } from '../keys/index.js';
import type { Mask } from '../masks/index.js';
import type { DeliveredShares } from '../messages.js';
import { type Outcome, proceed, refuse } from '../refusal.js';
import { decodeHeldShares, type HeldShares, pairMask, sealNonce, selfMask } from '../secrets.js';
import type { ReadyClient, SharedClient } from './state.js';

/**
 * Stage 3, first half: opens the neighbours' shares and derives the masks. A neighbour without shares is lost to the
 * round; there is no mask with it. What the masks were made of is forgotten. There is nothing to answer.
 *
 * Shares that do not open end the round for this device, for it cannot tell a coordinator that altered them from a
 * neighbour that sealed nonsense. So one lying device can stop a round of its neighbours', though it learns nothing by it.
 */
export function acceptShares(
  state: SharedClient,
  delivered: DeliveredShares,
  suite: KeySuite,
): Outcome<ReadyClient, undefined> {
  const { cohort, maskPair, selfMaskSecret } = state;
  const { rosterHash, index, graph } = cohort;
  const neighbours = new Map(cohort.neighbours.map((neighbour) => [neighbour.index, neighbour]));
  const held = new Map<number, HeldShares>();
  const masks: Mask[] = [selfMask(selfMaskSecret, rosterHash, index)];
  const agree = suite.agreement(maskPair);
  for (const { peer, bytes } of delivered.sealed) {
    const neighbour = neighbours.get(peer);
    if (neighbour === undefined) {
      return refuse('unexpected-sender', `shares come from ${peer}, who is no neighbour`, peer);
    }
    if (held.has(peer)) return refuse('repeated-sender', `shares come twice from ${peer}`, peer);
    const opened = openBox(bytes, sealNonce(rosterHash, peer, index), neighbour.boxKey);
    const shares = opened === undefined ? undefined : decodeHeldShares(opened);
    if (shares === undefined) {
      return refuse('ciphertext-altered', `the shares from ${peer} do not open`, peer);
    }
    const shared = agree(neighbour.maskKey);
    if (shared === undefined) return refuse('weak-key', `the mask key of ${peer} is weak`, peer);
    held.set(peer, shares);
    masks.push(pairMask(shared, rosterHash, index, peer));
  }
  if (held.size < graph.threshold) {
    return refuse(
      'too-few-neighbours',
      `${held.size} neighbours shared keys, but it takes ${graph.threshold} to finish`,
    );
  }
  return proceed({ kind: 'ready', cohort, held, masks }, undefined);
}
