import { SecureAggregationError } from '../errors.js';
import {
  createGraph,
  type GraphParameters,
  graphParameters,
  neighboursOf,
  securityThreshold,
} from '../graph/index.js';
import type { KeySuite } from '../keys/index.js';
import type { AdvertisedKeys, Roster, RosterEntry } from '../messages.js';
import { type Refused, refuse } from '../refusal.js';
import { keysTranscript, leafBytes, leafHash, rosterHash, type TrustCertificate } from '../roster.js';
import { sameBytes } from '../transcript.js';
import type { AdvertisedClient } from './state.js';

/** A roster that passed every check that needs no agreement of keys. */
export interface CheckedRoster {
  readonly kind: 'checked';
  readonly devices: number;
  readonly rosterHash: Uint8Array;
  /** In the order of the roster's neighbours. */
  readonly identityKeys: readonly Uint8Array[];
}

/** Checks everything that a coordinator could have made up: the cohort, the graph, and who the neighbours are. */
export function checkRoster(
  state: AdvertisedClient,
  roster: Roster,
  trust: TrustCertificate,
  suite: KeySuite,
): CheckedRoster | Refused {
  const { round, policy, keys } = state;
  const { leaves, index, graph, neighbours } = roster;
  const devices = leaves.length / leafBytes;
  if (!Number.isInteger(devices) || !Number.isInteger(index) || index < 0 || index >= devices) {
    return refuse('malformed', `a roster of ${leaves.length} bytes has no device ${index}`);
  }
  const minimum = Math.max(policy.cohortMinimum, round.cohortMinimum, 2);
  if (devices < minimum) {
    return refuse('cohort-too-small', `the cohort has ${devices} devices, but the minimum is ${minimum}`);
  }
  const refusedGraph = checkGraph(devices, graph, state);
  if (refusedGraph !== undefined) return refusedGraph;
  if (!sameBytes(leafAt(leaves, index), leafHash(keys))) {
    return refuse('own-keys-altered', `entry ${index} of the roster is not what this device advertised`);
  }
  const refusedRepeat = checkRepeats(state, index, neighbours);
  if (refusedRepeat !== undefined) return refusedRepeat;
  const hash = rosterHash(keys.round, leaves, graph.degree, graph.threshold);
  const expected = neighboursOf(createGraph(devices, graph.degree, hash), index);
  if (neighbours.length !== expected.length || neighbours.some((entry, i) => entry.index !== expected[i])) {
    return refuse(
      'wrong-neighbours',
      `the neighbours are ${neighbours.map((entry) => entry.index)}, but the graph says ${expected}`,
    );
  }
  const identityKeys: Uint8Array[] = [];
  for (const entry of neighbours) {
    if (!sameBytes(leafAt(leaves, entry.index), leafHash(entry.keys))) {
      return refuse(
        'roster-altered',
        `the keys of "${entry.keys.device}" are not those of the roster`,
        entry.index,
      );
    }
    const identityKey = checkKeys(entry, keys.round, trust, suite);
    if ('kind' in identityKey) return identityKey;
    identityKeys.push(identityKey.key);
  }
  return { kind: 'checked', devices, rosterHash: hash, identityKeys };
}

function leafAt(leaves: Uint8Array, index: number): Uint8Array {
  return leaves.subarray(index * leafBytes, (index + 1) * leafBytes);
}

/** Recomputes the bounds of Bell et al. 2020: the coordinator may only be more careful. */
function checkGraph(
  devices: number,
  graph: GraphParameters,
  { round }: AdvertisedClient,
): Refused | undefined {
  const { degree, threshold } = graph;
  if (
    !Number.isInteger(degree) ||
    degree >= devices ||
    (degree < devices - 1 && degree % 2 !== 0) ||
    !Number.isInteger(threshold)
  ) {
    return refuse(
      'malformed',
      `${devices} devices have no graph of degree ${degree} and threshold ${threshold}`,
    );
  }
  let required: GraphParameters;
  try {
    required = graphParameters(devices, round.requirements);
  } catch (error) {
    if (error instanceof SecureAggregationError) return refuse('invalid-round', error.message);
    throw error;
  }
  if (degree < required.degree) {
    return refuse(
      'degree-below-bound',
      `${degree} neighbours, but ${devices} devices need ${required.degree}`,
    );
  }
  const secure = securityThreshold(devices, degree, round.requirements);
  if (threshold < secure || threshold > degree) {
    return refuse(
      'threshold-below-bound',
      `the threshold is ${threshold}, but with ${degree} neighbours it must be ${secure}..${degree}`,
    );
  }
  return undefined;
}

/** A neighbour listed twice would hold, or be trusted with, more than its part. */
function checkRepeats(
  { keys }: AdvertisedClient,
  index: number,
  neighbours: readonly RosterEntry[],
): Refused | undefined {
  const seen = new Set<string | number>(identifiersOf({ index, keys }));
  for (const entry of neighbours) {
    for (const identifier of identifiersOf(entry)) {
      if (seen.has(identifier)) {
        return refuse(
          'repeated-neighbour',
          `"${entry.keys.device}" at ${entry.index}, or one of its keys, is in the roster twice`,
          entry.index,
        );
      }
      seen.add(identifier);
    }
  }
  return undefined;
}

function identifiersOf({ index, keys }: RosterEntry): (string | number)[] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return [index, `device ${keys.device}`, `key ${hex(keys.sealKey)}`, `key ${hex(keys.maskKey)}`];
}

/** The identity key of a neighbour whose keys are its own and for this round. */
function checkKeys(
  { index, keys }: { readonly index: number; readonly keys: AdvertisedKeys },
  round: Uint8Array,
  trust: TrustCertificate,
  suite: KeySuite,
): { readonly key: Uint8Array } | Refused {
  const { device } = keys;
  if (!sameBytes(keys.round, round)) {
    return refuse('keys-of-another-round', `the keys of "${device}" were made for another round`, index);
  }
  const key = trust(keys.certificate, device);
  if (key === undefined) {
    return refuse('unknown-device', `the certificate of "${device}" is not one of this fleet`, index);
  }
  if (keys.signature.length === 0) {
    return refuse('keys-unsigned', `the keys of "${device}" are not signed`, index);
  }
  if (!suite.verify(key, keysTranscript(keys), keys.signature)) {
    return refuse('keys-signature-invalid', `"${device}" did not sign these keys`, index);
  }
  return { key };
}
