/** What the coordinator takes from devices, what it rejects, and when it gives up. */
import { expect, test } from 'vitest';
import { revealShares, signSurvivors } from '../client/index.js';
import { deviceSet } from '../device-set.js';
import type { AdvertisedKeys, RevealedShares } from '../messages.js';
import { keysTranscript } from '../roster.js';
import { testRound } from '../testing/fleet.js';
import { proceeded, runStages, type Stages } from '../testing/stages.js';
import { taken } from '../testing/whole-round.js';
import { closeKeys, collectKeys, receiveKeys } from './collect-keys.js';
import { type CollectingReveals, receiveReveal } from './collect-reveals.js';
import { closeShares, collectShares, receiveShares } from './collect-shares.js';
import { receiveSignature, signaturesFor } from './collect-signatures.js';
import { closeUpdates, collectUpdates, receiveUpdate } from './collect-updates.js';
import { canUnmask, closeReveals } from './unmask.js';
import type { Receipt } from './verdict.js';

const stages = runStages();
const withDropout = runStages({ dropout: 5 });
const names = stages.fleet.identities.map(({ device }) => device);

function codeOf(receipt: Receipt<unknown>): string {
  return receipt.kind === 'rejected' ? receipt.code : receipt.kind;
}

function endOf(state: { readonly kind: string; readonly code?: string }): string {
  return state.kind === 'abandoned' ? (state.code ?? '') : state.kind;
}

test('keys are taken once, from whom they are and for this round', () => {
  const { fleet, round, advertised } = stages;
  const open = collectKeys(round, names);
  const keys = advertised[0].keys;
  const receive = (message: AdvertisedKeys, sender = names[0], state = open): Receipt<unknown> =>
    receiveKeys(state, sender, message, fleet.trust, fleet.suite);
  const state = taken(receiveKeys(open, names[0], keys, fleet.trust, fleet.suite));
  expect(codeOf(receive({ ...keys }, names[0], state))).toBe('duplicate');
  expect(codeOf(receive({ ...keys, signature: new Uint8Array(64) }, names[0], state))).toBe('contradiction');
  expect(codeOf(receive(keys, 'stranger'))).toBe('unknown-device');
  expect(codeOf(receive(keys, names[1]))).toBe('unknown-device');
  expect(codeOf(receive({ ...keys, round: new Uint8Array(32) }))).toBe('wrong-round');
  expect(codeOf(receive({ ...keys, maskKey: new Uint8Array(31) }))).toBe('malformed');
  expect(codeOf(receive({ ...keys, certificate: new Uint8Array(32) }))).toBe('unknown-certificate');
  expect(codeOf(receive({ ...keys, signature: new Uint8Array(64) }))).toBe('invalid-signature');
  const other = { ...keys, maskKey: advertised[1].keys.maskKey };
  expect(codeOf(receive(other))).toBe('invalid-signature');
  expect(codeOf(receive({ ...other, signature: fleet.identities[1].sign(keysTranscript(other)) }))).toBe(
    'invalid-signature',
  );
});

test('a round without enough keys is abandoned', () => {
  const { fleet, advertised } = stages;
  let state = collectKeys(testRound({ cohortMinimum: 2 }), [...names, names[0]]);
  expect(state.keys.length).toBe(6);
  expect(endOf(closeKeys(state))).toBe('too-few-devices');
  for (const { keys } of advertised.slice(0, 2)) {
    state = taken(receiveKeys(state, keys.device, keys, fleet.trust, fleet.suite));
  }
  expect(endOf(closeKeys(state))).toBe('collecting-shares');
  expect(endOf(closeKeys({ ...state, round: testRound({ cohortMinimum: 3 }) }))).toBe('too-few-devices');
  const hopeless = { corruptFraction: 0.9, dropoutFraction: 0.9, securityBits: 40, correctnessBits: 20 };
  expect(endOf(closeKeys({ ...state, round: testRound({}, hopeless) }))).toBe('no-graph');
  expect(() => collectKeys(testRound({ ringBits: 40 }), names)).toThrow(/1\.\.32 bits/);
});

test('shares are one for each neighbour', () => {
  const { cohort, shared } = stages;
  const { message } = shared[0];
  const state = taken(receiveShares(collectShares(cohort), names[0], message));
  expect(codeOf(receiveShares(state, names[0], { ...message }))).toBe('duplicate');
  expect(codeOf(receiveShares(state, names[0], shared[1].message))).toBe('contradiction');
  const receive = (changes: Partial<typeof message>): string =>
    codeOf(receiveShares(collectShares(cohort), names[0], { ...message, ...changes }));
  expect(receive({ sealed: message.sealed.slice(1) })).toBe('malformed');
  expect(receive({ sealed: message.sealed.toReversed() })).toBe('malformed');
  expect(receive({ commitment: new Uint8Array(0) })).toBe('malformed');
  // Nothing is stored that no neighbour could open: a box has 73 bytes and a tag of 16.
  for (const length of [0, 88, 90, 1_000_000]) {
    const [first, ...others] = message.sealed;
    const box = { ...first, bytes: new Uint8Array(length) };
    expect(receive({ sealed: [box, ...others] })).toBe('malformed');
  }
  expect(codeOf(receiveShares(collectShares(cohort), 'stranger', message))).toBe('unknown-device');
});

test('the round goes on as long as losses are tolerated', () => {
  const { cohort, shared } = stages;
  // A fifth of six is one.
  const sharing = (count: number): string => {
    const slots = shared.map(({ message }, i) => (i < count ? message : undefined));
    return endOf(closeShares({ kind: 'collecting-shares', cohort, shared: slots }));
  };
  expect(sharing(5)).toBe('collecting-updates');
  expect(sharing(4)).toBe('too-few-devices');
  const updating = (count: number): string => {
    let state = collectUpdates(
      cohort,
      shared.map(({ message }) => message),
    );
    for (const name of names.slice(0, count)) state = taken(receiveUpdate(state, name, 288));
    return endOf(closeUpdates(state));
  };
  expect(updating(5)).toBe('collecting-signatures');
  expect(updating(4)).toBe('too-few-devices');
});

test('an update is counted once, at its full length, from a device that shared', () => {
  const { cohort, shared } = stages;
  const slots = shared.map(({ message }, i) => (i === 5 ? undefined : message));
  const state = taken(receiveUpdate(collectUpdates(cohort, slots), names[0], 288));
  expect(codeOf(receiveUpdate(state, names[0], 288))).toBe('duplicate');
  expect(codeOf(receiveUpdate(state, names[1], 287))).toBe('malformed');
  expect(codeOf(receiveUpdate(state, names[5], 288))).toBe('unknown-device');
  expect(codeOf(receiveUpdate(state, 'stranger', 288))).toBe('unknown-device');
});

test('signatures are of the announced sets, by survivors', () => {
  const { fleet, signatures, masked, signed } = withDropout;
  const fresh: typeof signatures = { ...signatures, signatures: signatures.signatures.map(() => undefined) };
  const receive = (device: number, signature: Uint8Array, state = fresh): string =>
    codeOf(receiveSignature(state, names[device], { signature }, fleet.trust, fleet.suite));
  expect(receive(0, signed[0].signature)).toBe('accepted');
  expect(receive(0, signed[0].signature, signatures)).toBe('duplicate');
  expect(receive(0, signed[1].signature, signatures)).toBe('contradiction');
  expect(receive(0, signed[1].signature)).toBe('invalid-signature');
  expect(receive(5, signed[0].signature)).toBe('unknown-device');
  const everybody = { survivors: deviceSet(6, [0, 1, 2, 3, 4, 5]), dropouts: deviceSet(6, []) };
  const other = proceeded(signSurvivors(masked[0], everybody, fleet.identities[0]));
  expect(receive(0, other.message.signature)).toBe('invalid-signature');
});

/** The reveals of all survivors, changed by the test. */
function revealing(
  from: Stages,
  change: (message: RevealedShares, device: number) => RevealedShares | undefined,
): CollectingReveals {
  let state = from.reveals;
  for (const client of from.signed) {
    const { index } = client.cohort;
    const { message } = proceeded(revealShares(client, signaturesFor(from.reveals, index), from.fleet.suite));
    const changed = change(message, index);
    if (changed !== undefined) state = taken(receiveReveal(state, names[index], changed));
  }
  return state;
}

test('revealed shares are of the secrets that the survivors call for', () => {
  const { signed, reveals, fleet } = withDropout;
  const { message } = proceeded(revealShares(signed[0], signaturesFor(reveals, 0), fleet.suite));
  const receive = (changed: RevealedShares, state = reveals, sender = names[0]): string =>
    codeOf(receiveReveal(state, sender, changed));
  expect(receive(message)).toBe('accepted');
  const state = taken(receiveReveal(reveals, names[0], message));
  expect(receive({ ...message }, state)).toBe('duplicate');
  const altered = message.selfMasks.map(({ owner }) => ({ owner, share: new Uint8Array(36) }));
  expect(receive({ ...message, selfMasks: altered }, state)).toBe('contradiction');
  expect(receive({ ...message, maskKeys: [] })).toBe('malformed');
  expect(receive({ ...message, selfMasks: message.selfMasks.slice(1) })).toBe('malformed');
  expect(receive({ selfMasks: message.maskKeys, maskKeys: message.selfMasks })).toBe('malformed');
  expect(receive(message, reveals, names[5])).toBe('unknown-device');
});

test('enough shares unmask; too few do not', () => {
  const { fleet, cohort } = withDropout;
  const { threshold } = cohort.parameters;
  // Of each survivor 4 others survived, of the dropout 5.
  expect(threshold).toBe(3);
  const complete = revealing(withDropout, (message) => message);
  expect(canUnmask(complete)).toBe(true);
  expect(endOf(closeReveals(complete, fleet.suite))).toBe('unmasking');
  const enough = revealing(withDropout, (message, device) => (device < 4 ? message : undefined));
  expect(canUnmask(enough)).toBe(true);
  expect(endOf(closeReveals(enough, fleet.suite))).toBe('unmasking');
  const tooFew = revealing(withDropout, (message, device) => (device < 3 ? message : undefined));
  expect(canUnmask(tooFew)).toBe(false);
  expect(endOf(closeReveals(tooFew, fleet.suite))).toBe('too-few-shares');
});

test.each(['selfMasks', 'maskKeys'] as const)('wrong shares of %s are found out', (which) => {
  const lying = revealing(withDropout, (message, device) => {
    if (device !== 1) return message;
    const shares = message[which].map(({ owner, share }) => ({
      owner,
      share: share.map((byte) => byte ^ 1),
    }));
    return { ...message, [which]: shares };
  });
  expect(endOf(closeReveals(lying, withDropout.fleet.suite))).toBe('shares-do-not-match');
});
