/** What a coordinator might try before a device masks anything, and the name under which it is refused. */
import { expect, test } from 'vitest';
import type { AdvertisedKeys, Roster, RosterEntry } from '../messages.js';
import { keysTranscript, leafHash } from '../roster.js';
import type { SecureRound } from '../round.js';
import { createFleet, lenientPolicy, planHash, testRound } from '../testing/fleet.js';
import { proceeded, refusalOf, runStages, type Stages } from '../testing/stages.js';
import { advertiseKeys } from './advertise-keys.js';
import { shareKeys } from './share-keys.js';
import type { DevicePolicy } from './state.js';

const stages = runStages();

// Stage 1: the offer.

function offer(
  changes: Partial<SecureRound>,
  policy: DevicePolicy = lenientPolicy,
  verified = planHash,
): string {
  const fleet = createFleet(1, 'offer');
  return refusalOf(
    advertiseKeys({
      round: testRound(changes),
      identity: fleet.identities[0],
      policy,
      planHash: verified,
      entropy: fleet.entropyOf(0),
      suite: fleet.suite,
    }),
  );
}

test('a plan changed after signing is refused', () => {
  expect(offer({})).toBe('proceeded');
  expect(offer({}, lenientPolicy, new Uint8Array(32).fill(8))).toBe('plan-mismatch');
});

test('privacy weaker than the policy is refused', () => {
  const policy: DevicePolicy = {
    ...lenientPolicy,
    privacy: { require: 'central', epsilonMaximum: 8, deltaMaximum: 1e-5 },
  };
  expect(offer({ privacy: { kind: 'central', epsilon: 8, delta: 1e-5 } }, policy)).toBe('proceeded');
  const noise = { mechanism: 'skellam', noiseStddevSteps: 100, sampling: 1 } as const;
  expect(offer({ privacy: { kind: 'distributed', epsilon: 8, delta: 1e-5, noise } }, policy)).toBe(
    'proceeded',
  );
  expect(offer({ privacy: { kind: 'none' } }, policy)).toBe('privacy-below-policy');
  expect(offer({ privacy: { kind: 'central', epsilon: 8.1, delta: 1e-5 } }, policy)).toBe(
    'privacy-below-policy',
  );
  expect(offer({ privacy: { kind: 'central', epsilon: 8, delta: 1e-4 } }, policy)).toBe(
    'privacy-below-policy',
  );
  expect(offer({ privacy: { kind: 'central', epsilon: Number.NaN, delta: 0 } }, policy)).toBe(
    'privacy-below-policy',
  );
  const distributed: DevicePolicy = { ...policy, privacy: { ...policy.privacy, require: 'distributed' } };
  expect(offer({ privacy: { kind: 'central', epsilon: 1, delta: 0 } }, distributed)).toBe(
    'privacy-below-policy',
  );
});

test('assumptions weaker than the policy, and settings without sense, are refused', () => {
  const policy = { ...lenientPolicy, corruptFractionMinimum: 0.1, securityBitsMinimum: 40 };
  const { requirements } = testRound();
  expect(offer({}, policy)).toBe('proceeded');
  expect(offer({ requirements: { ...requirements, corruptFraction: 0.05 } }, policy)).toBe(
    'security-below-policy',
  );
  expect(offer({ requirements: { ...requirements, securityBits: 20 } }, policy)).toBe(
    'security-below-policy',
  );
  expect(offer({ requirements: { ...requirements, corruptFraction: Number.NaN } }, policy)).toBe(
    'invalid-round',
  );
  expect(offer({ ringBits: 33 })).toBe('invalid-round');
  expect(offer({ vectorLength: 0 })).toBe('invalid-round');
  expect(offer({ cohortMinimum: 1 })).toBe('invalid-round');
});

// Stage 2: the roster.

function toRoster(changes: Partial<Roster>, at = 0, from: Stages = stages): string {
  const { advertised, rosters, fleet } = from;
  return refusalOf(
    shareKeys(advertised[at], { ...rosters[at], ...changes }, fleet.trust, fleet.entropyOf(99), fleet.suite),
  );
}

/** The roster of device 0 with other keys for its first neighbour, in the leaves as well. */
function withKeys(keys: AdvertisedKeys): Partial<Roster> {
  const { leaves, neighbours } = stages.rosters[0];
  const [first, ...others] = neighbours;
  const changed = leaves.slice();
  changed.set(leafHash(keys), 32 * first.index);
  return { leaves: changed, neighbours: [{ index: first.index, keys }, ...others] };
}

const first = stages.rosters[0].neighbours[0];

test('an honest roster is answered, again and again the same', () => {
  expect(toRoster({})).toBe('proceeded');
  const { shared, rosters, fleet } = stages;
  const again = proceeded(shareKeys(shared[0], rosters[0], fleet.trust, fleet.entropyOf(1), fleet.suite));
  expect(again.message).toEqual(shared[0].message);
});

test('a second roster is refused', () => {
  const { shared, rosters, fleet } = stages;
  const leaves = rosters[0].leaves.slice();
  leaves[40] ^= 1;
  const other = { ...rosters[0], leaves };
  expect(refusalOf(shareKeys(shared[0], other, fleet.trust, fleet.entropyOf(1), fleet.suite))).toBe(
    'roster-changed',
  );
});

test('swapped keys are refused', () => {
  const pair = stages.fleet.suite.keyPair(new Uint8Array(32).fill(9));
  expect(toRoster(withKeys({ ...first.keys, maskKey: pair.publicKey }))).toBe('keys-signature-invalid');
  expect(toRoster(withKeys({ ...first.keys, sealKey: pair.publicKey }))).toBe('keys-signature-invalid');
  // The coordinator signs with an identity of its own.
  const signer = stages.fleet.suite.signingKey(new Uint8Array(32).fill(3));
  const unsigned = { ...first.keys, maskKey: pair.publicKey };
  const forged = { ...unsigned, signature: signer.sign(keysTranscript(unsigned)) };
  expect(toRoster(withKeys(forged))).toBe('keys-signature-invalid');
  const ownCertificate = { ...unsigned, certificate: signer.publicKey };
  const selfSigned = { ...ownCertificate, signature: signer.sign(keysTranscript(ownCertificate)) };
  expect(toRoster(withKeys(selfSigned))).toBe('unknown-device');
});

test('unsigned keys are refused', () => {
  expect(toRoster(withKeys({ ...first.keys, signature: new Uint8Array(0) }))).toBe('keys-unsigned');
});

test('keys of another round, another attempt at it, or of a device that was asked for something else, are refused', () => {
  const elsewhere = new Uint8Array(32).fill(1);
  for (const round of [{ round: 2 }, { attempt: 1 }, { run: 'run-2' }, { requestHash: elsewhere }]) {
    const other = runStages({ round, secrets: 'second' });
    expect(toRoster(withKeys(other.rosters[0].neighbours[0].keys))).toBe('keys-of-another-round');
  }
  // Saying that they are of this round does not help: the signature says otherwise.
  const other = runStages({ round: { round: 2 }, secrets: 'second' });
  const relabelled = { ...other.rosters[0].neighbours[0].keys, round: first.keys.round };
  expect(toRoster(withKeys(relabelled))).toBe('keys-signature-invalid');
});

test('keys that are not those of the roster are refused', () => {
  const [, ...others] = stages.rosters[0].neighbours;
  const leaves = stages.rosters[0].leaves.slice();
  leaves[32 * others[0].index] ^= 1;
  expect(toRoster({ leaves })).toBe('roster-altered');
});

test("the device's own keys altered, or at another place, are refused", () => {
  const leaves = stages.rosters[0].leaves.slice();
  leaves[0] ^= 1;
  expect(toRoster({ leaves })).toBe('own-keys-altered');
  expect(toRoster({ index: 1 })).toBe('own-keys-altered');
  expect(toRoster({ index: 6 })).toBe('malformed');
  expect(toRoster({ leaves: leaves.subarray(1) })).toBe('malformed');
});

test('a repeated neighbour is refused, also under another index, and so is the device itself', () => {
  const [a, b, ...others] = stages.rosters[0].neighbours;
  const replaced = (entry: RosterEntry): Partial<Roster> => ({ neighbours: [a, entry, ...others] });
  expect(toRoster(replaced(a))).toBe('repeated-neighbour');
  expect(toRoster(replaced({ index: b.index, keys: a.keys }))).toBe('repeated-neighbour');
  expect(toRoster(replaced({ index: b.index, keys: { ...b.keys, maskKey: a.keys.maskKey } }))).toBe(
    'repeated-neighbour',
  );
  expect(toRoster(replaced({ index: b.index, keys: stages.advertised[0].keys }))).toBe('repeated-neighbour');
});

test('a neighbour left out, added or exchanged is refused', () => {
  const { neighbours } = stages.rosters[0];
  expect(toRoster({ neighbours: neighbours.slice(1) })).toBe('wrong-neighbours');
  expect(toRoster({ neighbours: neighbours.toReversed() })).toBe('wrong-neighbours');
  const large = runStages({ devices: 40 });
  const strangers = large.rosters.flatMap((roster) => roster.neighbours);
  const known = new Set(large.rosters[0].neighbours.map(({ index }) => index));
  const stranger = strangers.find(({ index }) => index !== 0 && !known.has(index));
  expect(large.cohort.parameters.degree).toBeLessThan(39);
  if (stranger === undefined) throw new Error('every device is a neighbour');
  const exchanged = [...large.rosters[0].neighbours.slice(1), stranger].sort((x, y) => x.index - y.index);
  expect(toRoster({ neighbours: exchanged }, 0, large)).toBe('wrong-neighbours');
});

test("a cohort below the device's minimum is refused", () => {
  const strict = runStages({ policy: { ...lenientPolicy, cohortMinimum: 6 } });
  expect(toRoster({}, 0, strict)).toBe('proceeded');
  expect(toRoster({ leaves: strict.rosters[0].leaves.subarray(0, 32 * 5) }, 0, strict)).toBe(
    'cohort-too-small',
  );
});

test('degrees and thresholds below the bound are refused', () => {
  const { degree, threshold } = stages.cohort.parameters;
  const graph = (changes: Partial<Roster['graph']>): Partial<Roster> => ({
    graph: { degree, threshold, ...changes },
  });
  expect(toRoster(graph({ degree: 2, threshold: 2 }))).toBe('degree-below-bound');
  expect(toRoster(graph({ threshold: threshold - 1 }))).toBe('threshold-below-bound');
  expect(toRoster(graph({ threshold: degree + 1 }))).toBe('threshold-below-bound');
  expect(toRoster(graph({ threshold: 2.5 }))).toBe('malformed');
  expect(toRoster(graph({ degree: 6 }))).toBe('malformed');
  const large = runStages({ devices: 40 });
  expect(toRoster({ graph: { ...large.cohort.parameters, degree: 3 } }, 0, large)).toBe('malformed');
});

test('keys of small order are refused', () => {
  const devices = createFleet(6, 'weak');
  const { suite, trust, identities } = devices;
  const zero = new Uint8Array(32);
  const round = testRound();
  const honest = identities.map((identity, i) =>
    proceeded(
      advertiseKeys({
        round,
        identity,
        policy: lenientPolicy,
        planHash,
        entropy: devices.entropyOf(i),
        suite,
      }),
    ),
  );
  // A neighbour that works together with the coordinator signs a key of which everybody knows what it agrees on.
  const unsigned = { ...honest[1].message, sealKey: zero };
  const weak = { ...unsigned, signature: identities[1].sign(keysTranscript(unsigned)) };
  const keys = honest.map(({ message }, i) => (i === 1 ? weak : message));
  const leaves = new Uint8Array(keys.flatMap((entry) => [...leafHash(entry)]));
  const neighbours = keys.map((entry, index) => ({ index, keys: entry })).slice(1);
  const roster = { leaves, index: 0, graph: { degree: 5, threshold: 3 }, neighbours };
  expect(refusalOf(shareKeys(honest[0].state, roster, trust, devices.entropyOf(0), suite))).toBe('weak-key');
});
