import { SecureAggregationError } from '../errors.js';
import { createGraph, type GraphParameters, graphParameters, neighboursOf } from '../graph/index.js';
import type { KeySuite } from '../keys/index.js';
import type { AdvertisedKeys, Roster } from '../messages.js';
import { keysTranscript, leafBytes, leafHash, rosterHash, type TrustCertificate } from '../roster.js';
import { checkRound, roundHash, type SecureRound } from '../round.js';
import { sameBytes } from '../transcript.js';
import type { ServerCohort, Slots } from './cohort.js';
import { type CollectingShares, collectShares } from './collect-shares.js';
import { type Abandoned, abandon, accepted, duplicate, type Receipt, rejected } from './verdict.js';

/** Stage 1: the selected devices advertise keys. */
export interface CollectingKeys {
  readonly kind: 'collecting-keys';
  readonly round: SecureRound;
  readonly roundHash: Uint8Array;
  /** Names of the selected devices, ascending, with their slots. */
  readonly selected: ReadonlyMap<string, number>;
  readonly keys: Slots<AdvertisedKeys>;
}

/** Begins a round with the `selected` devices. Throws `SecureAggregationError` for settings that make no sense. */
export function collectKeys(round: SecureRound, selected: readonly string[]): CollectingKeys {
  checkRound(round);
  const names = [...new Set(selected)].sort(byCodeUnits);
  return {
    kind: 'collecting-keys',
    round,
    roundHash: roundHash(round),
    selected: new Map(names.map((name, slot) => [name, slot])),
    keys: names.map(() => undefined),
  };
}

/** The order of names does not depend on anybody's locale. */
function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Takes the keys of `sender`, whom the connection has authenticated. */
export function receiveKeys(
  state: CollectingKeys,
  sender: string,
  message: AdvertisedKeys,
  trust: TrustCertificate,
  suite: KeySuite,
): Receipt<CollectingKeys> {
  const slot = state.selected.get(sender);
  if (slot === undefined || message.device !== sender) {
    return rejected(
      state,
      'unknown-device',
      `"${sender}" was not selected, or sends keys of "${message.device}"`,
    );
  }
  const known = state.keys[slot];
  if (known !== undefined) {
    return sameBytes(leafHash(known), leafHash(message))
      ? duplicate(state)
      : rejected(state, 'contradiction', `"${sender}" has advertised other keys in this round`);
  }
  if (!sameBytes(message.round, state.roundHash)) {
    return rejected(state, 'wrong-round', `the keys of "${sender}" were made for another round`);
  }
  if (message.sealKey.length !== 32 || message.maskKey.length !== 32) {
    return rejected(state, 'malformed', `keys are 32 bytes; those of "${sender}" are not`);
  }
  const identityKey = trust(message.certificate, sender);
  if (identityKey === undefined) {
    return rejected(state, 'unknown-certificate', `the certificate of "${sender}" is not one of this fleet`);
  }
  if (!suite.verify(identityKey, keysTranscript(message), message.signature)) {
    return rejected(state, 'invalid-signature', `"${sender}" did not sign these keys`);
  }
  return accepted({ ...state, keys: state.keys.with(slot, message) });
}

/** Ends the stage: whoever has advertised keys is the cohort. */
export function closeKeys(state: CollectingKeys): CollectingShares | Abandoned {
  const { round } = state;
  const entries = state.keys.filter((keys) => keys !== undefined);
  const minimum = Math.max(2, round.cohortMinimum);
  if (entries.length < minimum) {
    return abandon(
      'too-few-devices',
      `${entries.length} devices advertised keys, but the minimum is ${minimum}`,
    );
  }
  let parameters: GraphParameters;
  try {
    parameters = graphParameters(entries.length, round.requirements);
  } catch (error) {
    if (error instanceof SecureAggregationError) return abandon('no-graph', error.message);
    throw error;
  }
  const leaves = new Uint8Array(entries.length * leafBytes);
  for (const [i, keys] of entries.entries()) leaves.set(leafHash(keys), i * leafBytes);
  const hash = rosterHash(state.roundHash, leaves, parameters.degree, parameters.threshold);
  return collectShares({
    round,
    rosterHash: hash,
    entries,
    leaves,
    parameters,
    graph: createGraph(entries.length, parameters.degree, hash),
    indices: new Map(entries.map(({ device }, index) => [device, index])),
  });
}

/** What the device at `index` is told of the cohort. */
export function rosterFor({ entries, leaves, parameters, graph }: ServerCohort, index: number): Roster {
  return {
    leaves,
    index,
    graph: parameters,
    neighbours: neighboursOf(graph, index).map((neighbour) => ({
      index: neighbour,
      keys: entries[neighbour],
    })),
  };
}
