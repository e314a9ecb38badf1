/** What a coordinator might try to get more shares than it should, and the name under which it is refused. */
import { expect, test } from 'vitest';
import { deviceSet } from '../device-set.js';
import { signaturesFor } from '../server/index.js';
import { lenientPolicy } from '../testing/fleet.js';
import { proceeded, refusalOf, runStages, type Stages } from '../testing/stages.js';
import { acceptShares } from './accept-shares.js';
import { revealShares } from './reveal-shares.js';
import { signSurvivors } from './sign-survivors.js';
import type { DevicePolicy } from './state.js';

const stages = runStages();
const withDropout = runStages({ dropout: 5 });

// Stage 3: the shares.

function toShares(sealed: Stages['delivered'][number]['sealed']): string {
  return refusalOf(acceptShares(stages.shared[0], { sealed }, stages.fleet.suite));
}

test('altered, exchanged and repeated ciphertexts are refused', () => {
  const [a, b, ...others] = stages.delivered[0].sealed;
  for (const at of [0, 20, a.bytes.length - 1]) {
    const bytes = a.bytes.slice();
    bytes[at] ^= 1;
    expect(toShares([{ ...a, bytes }, b, ...others])).toBe('ciphertext-altered');
  }
  expect(toShares([{ ...a, bytes: b.bytes }, { ...b, bytes: a.bytes }, ...others])).toBe(
    'ciphertext-altered',
  );
  expect(toShares([{ ...a, bytes: new Uint8Array(0) }, b, ...others])).toBe('ciphertext-altered');
  // What this device sealed for the other comes back to it.
  const own = stages.shared[0].message.sealed[0];
  expect(toShares([own, b, ...others])).toBe('ciphertext-altered');
  expect(toShares([a, a, b, ...others])).toBe('repeated-sender');
  expect(toShares([{ ...a, peer: 17 }, b, ...others])).toBe('unexpected-sender');
});

test('fewer sharing neighbours than the threshold are refused', () => {
  const { threshold } = stages.cohort.parameters;
  const { sealed } = stages.delivered[0];
  expect(toShares(sealed.slice(0, threshold))).toBe('proceeded');
  expect(toShares(sealed.slice(0, threshold - 1))).toBe('too-few-neighbours');
});

test('a neighbour with a mask key of small order is refused', () => {
  const state = stages.shared[0];
  const neighbours = state.cohort.neighbours.map((neighbour) =>
    neighbour.index === 2 ? { ...neighbour, maskKey: new Uint8Array(32) } : neighbour,
  );
  const weak = { ...state, cohort: { ...state.cohort, neighbours } };
  expect(refusalOf(acceptShares(weak, stages.delivered[0], stages.fleet.suite))).toBe('weak-key');
});

// Stage 4: the survivors.

const everybody = [0, 1, 2, 3, 4, 5];

function toSurvivors(
  survivors: readonly number[],
  dropouts: readonly number[],
  from: Stages = stages,
  policy?: DevicePolicy,
): string {
  const state = from.masked[0];
  const strict = policy === undefined ? state : { ...state, cohort: { ...state.cohort, policy } };
  const sets = { survivors: deviceSet(6, survivors), dropouts: deviceSet(6, dropouts) };
  return refusalOf(signSurvivors(strict, sets, from.fleet.identities[0]));
}

test('a device listed as survivor and as dropout is refused', () => {
  expect(toSurvivors(everybody, [])).toBe('proceeded');
  expect(toSurvivors(everybody, [3])).toBe('survivor-and-dropout');
  expect(toSurvivors(everybody, [0])).toBe('survivor-and-dropout');
});

test('survivors that cannot be are refused', () => {
  expect(toSurvivors([0, 1, 2, 3, 4], [5])).toBe('proceeded');
  expect(toSurvivors([1, 2, 3, 4, 5], [0])).toBe('not-a-survivor');
  expect(toSurvivors([0, 1, 2, 3], [4, 5])).toBe('too-few-survivors');
  // Its shares have been delivered, so it is one or the other.
  expect(toSurvivors([0, 1, 2, 3, 4], [])).toBe('sharers-differ');
  expect(toSurvivors([0, 1, 2, 3, 4], [5], stages, { ...lenientPolicy, cohortMinimum: 6 })).toBe(
    'too-few-survivors',
  );
  const state = stages.masked[0];
  const sets = { survivors: Uint8Array.of(0xff), dropouts: Uint8Array.of(0) };
  expect(refusalOf(signSurvivors(state, sets, stages.fleet.identities[0]))).toBe('malformed');
});

test('survivors among whom a device has fewer neighbours than the threshold are refused', () => {
  const { cohort } = stages.masked[0];
  const four = { ...cohort, graph: { ...cohort.graph, threshold: 4 } };
  const five = { ...cohort, graph: { ...cohort.graph, threshold: 5 } };
  const of = (changed: typeof cohort): Stages => ({
    ...stages,
    masked: [{ ...stages.masked[0], cohort: changed }],
  });
  expect(toSurvivors([0, 1, 2, 3, 4], [5], of(four))).toBe('proceeded');
  expect(toSurvivors([0, 1, 2, 3, 4], [5], of(five))).toBe('too-few-neighbours');
});

test('other survivors after signing are refused; the same are answered the same', () => {
  const { fleet, signed, announcement } = stages;
  const [identity] = fleet.identities;
  const again = proceeded(signSurvivors(signed[0], announcement, identity));
  expect(again.message.signature).toEqual(signed[0].signature);
  const other = { survivors: deviceSet(6, [0, 1, 2, 3, 4]), dropouts: deviceSet(6, [5]) };
  expect(refusalOf(signSurvivors(signed[0], other, identity))).toBe('survivors-changed');
});

// Stage 5: the signatures.

test('two survivor sets to two devices are refused', () => {
  const { fleet, masked, signatures } = stages;
  const other = { survivors: deviceSet(6, [0, 1, 2, 3, 4]), dropouts: deviceSet(6, [5]) };
  const told = proceeded(signSurvivors(masked[0], other, fleet.identities[0]));
  if (told.state.kind !== 'signed') throw new Error('unreachable');
  // Its neighbours, but for the one that is said to have dropped out, signed that everybody survived.
  const collected = signaturesFor(signatures, 0).signatures.filter(({ signer }) => signer !== 5);
  expect(refusalOf(revealShares(told.state, { signatures: collected }, fleet.suite))).toBe(
    'survivors-disagree',
  );
  expect(refusalOf(revealShares(told.state, { signatures: [] }, fleet.suite))).toBe('too-few-signatures');
});

test('too few, repeated and foreign signatures are refused', () => {
  const { fleet, signed, signatures, cohort } = withDropout;
  const { signatures: honest } = signaturesFor(signatures, 0);
  const reveal = (list: typeof honest): string =>
    refusalOf(revealShares(signed[0], { signatures: list }, fleet.suite));
  expect(honest.length).toBe(cohort.parameters.threshold);
  expect(reveal(honest)).toBe('proceeded');
  expect(reveal(honest.slice(1))).toBe('too-few-signatures');
  expect(reveal([honest[0], ...honest])).toBe('repeated-sender');
  expect(reveal([{ signer: 0, signature: signed[0].signature }, ...honest])).toBe('unexpected-sender');
  expect(reveal([{ signer: 5, signature: honest[0].signature }, ...honest])).toBe('unexpected-sender');
});

test('a device gives one share of each neighbour, and never for other survivors again', () => {
  const { fleet, signed, signatures, announcement } = withDropout;
  const collected = signaturesFor(signatures, 0);
  const { state, message } = proceeded(revealShares(signed[0], collected, fleet.suite));
  expect(message.selfMasks.map(({ owner }) => owner)).toEqual([1, 2, 3, 4]);
  expect(message.maskKeys.map(({ owner }) => owner)).toEqual([5]);
  expect(proceeded(revealShares(state, { signatures: [] }, fleet.suite)).message).toEqual(message);
  const [identity] = fleet.identities;
  expect(refusalOf(signSurvivors(state, announcement, identity))).toBe('proceeded');
  const other = { survivors: deviceSet(6, everybody), dropouts: deviceSet(6, []) };
  expect(refusalOf(signSurvivors(state, other, identity))).toBe('shares-already-revealed');
});
