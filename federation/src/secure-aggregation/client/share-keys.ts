import type { Entropy } from '../../ports/index.js';
import { boxKey, type KeySuite, sealBox } from '../keys/index.js';
import type { Roster, SharedKeys } from '../messages.js';
import { type Outcome, proceed, refuse } from '../refusal.js';
import { rosterHash, type TrustCertificate } from '../roster.js';
import { commitmentOf, encodeHeldShares, pointOf, sealNonce } from '../secrets.js';
import { secretBytes, splitSecret } from '../shamir/index.js';
import { sameBytes } from '../transcript.js';
import { checkRoster } from './check-roster.js';
import type { AdvertisedClient, ClientCohort, Neighbour, SharedClient } from './state.js';

/**
 * Stage 2: checks the roster, draws the self mask's secret, and seals shares of it and of the mask key to each
 * neighbour. Asked again with the same roster it answers the same; with another one it refuses.
 */
export function shareKeys(
  state: AdvertisedClient | SharedClient,
  roster: Roster,
  trust: TrustCertificate,
  entropy: Entropy,
  suite: KeySuite,
): Outcome<SharedClient, SharedKeys> {
  if (state.kind === 'shared') return shareAgain(state, roster);
  const checked = checkRoster(state, roster, trust, suite);
  if (checked.kind !== 'checked') return checked;
  const agree = suite.agreement(state.sealPair);
  const neighbours: Neighbour[] = [];
  for (const [i, { index, keys }] of roster.neighbours.entries()) {
    const shared = agree(keys.sealKey);
    if (shared === undefined) return refuse('weak-key', `the seal key of "${keys.device}" is weak`, index);
    neighbours.push({
      index,
      identityKey: checked.identityKeys[i],
      maskKey: keys.maskKey,
      boxKey: boxKey(shared),
    });
  }
  const { devices, rosterHash } = checked;
  const { index, graph } = roster;
  const cohort: ClientCohort = {
    round: state.round,
    policy: state.policy,
    rosterHash,
    devices,
    index,
    graph,
    neighbours,
  };
  const selfMaskSecret = entropy.bytes(secretBytes);
  const message = seal(cohort, selfMaskSecret, state.maskPair.secretKey, entropy);
  return proceed({ kind: 'shared', cohort, maskPair: state.maskPair, selfMaskSecret, message }, message);
}

function shareAgain(state: SharedClient, roster: Roster): Outcome<SharedClient, SharedKeys> {
  const { cohort, message } = state;
  const round = cohort.neighbours.length === 0 ? undefined : roster.neighbours.at(0)?.keys.round;
  const again =
    round !== undefined &&
    roster.index === cohort.index &&
    sameBytes(
      rosterHash(round, roster.leaves, roster.graph.degree, roster.graph.threshold),
      cohort.rosterHash,
    );
  if (!again) return refuse('roster-changed', 'this roster is not the one that shares were made for');
  return proceed(state, message);
}

function seal(
  cohort: ClientCohort,
  selfMaskSecret: Uint8Array,
  maskSecret: Uint8Array,
  entropy: Entropy,
): SharedKeys {
  const { neighbours, graph, rosterHash, index } = cohort;
  const points = neighbours.map((neighbour) => pointOf(neighbour.index));
  const selfMasks = splitSecret(selfMaskSecret, graph.threshold, points, entropy);
  const maskKeys = splitSecret(maskSecret, graph.threshold, points, entropy);
  return {
    commitment: commitmentOf(selfMaskSecret, rosterHash, index),
    sealed: neighbours.map(({ index: peer, boxKey }, i) => ({
      peer,
      bytes: sealBox(
        encodeHeldShares({ selfMask: selfMasks[i], maskKey: maskKeys[i] }),
        sealNonce(rosterHash, index, peer),
        boxKey,
      ),
    })),
  };
}
