import {
  type AdvertisedClient,
  acceptShares,
  advertiseKeys,
  type MaskedClient,
  maskUpdate,
  type ReadyClient,
  revealShares,
  type SharedClient,
  type SignedClient,
  shareKeys,
  signSurvivors,
} from '../client/index.js';
import { addPacked, applyMasks } from '../masks/index.js';
import type { RevealedShares } from '../messages.js';
import type { Outcome } from '../refusal.js';
import type { SecureRound } from '../round.js';
import {
  type Abandoned,
  closeKeys,
  closeReveals,
  closeShares,
  closeSignatures,
  closeUpdates,
  collectKeys,
  type Receipt,
  receiveKeys,
  receiveReveal,
  receiveShares,
  receiveSignature,
  receiveUpdate,
  rosterFor,
  sharesFor,
  signaturesFor,
} from '../server/index.js';
import { type Fleet, lenientPolicy, planHash } from './fleet.js';

/** The stage in whose course a device falls silent: what it would send in it never arrives. */
export type LostAt = 'keys' | 'shares' | 'update' | 'signature' | 'reveal' | 'never';

export interface RoundResult {
  readonly end: 'sum' | 'refused' | Abandoned;
  readonly sum: Uint32Array;
  readonly survivors: readonly string[];
  /** Every share that left a device. */
  readonly revealed: readonly RevealedShares[];
}

/**
 * A whole round in this process: `vectors[i]` of device i, which falls silent at `lostAt[i]`. Devices that refuse fall
 * silent too.
 */
export function wholeRound(
  fleet: Fleet,
  round: SecureRound,
  vectors: readonly Uint32Array[],
  lostAt: readonly LostAt[],
): RoundResult {
  const { suite, trust, identities } = fleet;
  const sum = new Uint32Array(round.vectorLength);
  const nothing = { sum, survivors: [], revealed: [] };
  const nameOf = (device: number): string => identities[device].device;
  const entropies = identities.map((_, device) => fleet.entropyOf(device));

  let keys = collectKeys(
    round,
    identities.map(({ device }) => device),
  );
  const advertised = new Map<number, AdvertisedClient>();
  for (const [device, identity] of identities.entries()) {
    if (lostAt[device] === 'keys') continue;
    const entropy = entropies[device];
    const outcome = advertiseKeys({ round, identity, policy: lenientPolicy, planHash, entropy, suite });
    if (outcome.kind === 'refuse') continue;
    advertised.set(device, outcome.state);
    keys = taken(receiveKeys(keys, nameOf(device), outcome.message, trust, suite));
  }
  let shares = closeKeys(keys);
  if (shares.kind === 'abandoned') return { ...nothing, end: shares };
  const { cohort } = shares;
  const indexOf = (device: number): number => cohort.indices.get(nameOf(device)) ?? -1;

  const shared = new Map<number, SharedClient>();
  for (const [device, state] of advertised) {
    if (lostAt[device] === 'shares') continue;
    const outcome = shareKeys(state, rosterFor(cohort, indexOf(device)), trust, entropies[device], suite);
    if (outcome.kind === 'refuse') return { ...nothing, end: 'refused' };
    shared.set(device, outcome.state);
    shares = taken(receiveShares(shares, nameOf(device), outcome.message));
  }
  let updates = closeShares(shares);
  if (updates.kind === 'abandoned') return { ...nothing, end: updates };

  const ready = proceeding(shared, (state, device) =>
    acceptShares(state, sharesFor(cohort, shares.shared, indexOf(device)), suite),
  );
  const masked = new Map<number, MaskedClient>();
  for (const [device, state] of ready as Map<number, ReadyClient>) {
    if (lostAt[device] === 'update') continue;
    const outcome = maskUpdate(state, vectors[device]);
    if (outcome.kind === 'refuse') continue;
    masked.set(device, outcome.state);
    updates = taken(receiveUpdate(updates, nameOf(device), outcome.message.packed.length));
    addPacked(sum, outcome.message.packed, round.ringBits);
  }
  let signatures = closeUpdates(updates);
  if (signatures.kind === 'abandoned') return { ...nothing, end: signatures };

  const { announcement } = signatures;
  const signed = new Map<number, SignedClient>();
  for (const [device, state] of masked) {
    if (lostAt[device] === 'signature') continue;
    const outcome = signSurvivors(state, announcement, identities[device]);
    if (outcome.kind === 'refuse' || outcome.state.kind !== 'signed') continue;
    signed.set(device, outcome.state);
    signatures = taken(receiveSignature(signatures, nameOf(device), outcome.message, trust, suite));
  }
  let reveals = closeSignatures(signatures);
  const revealed: RevealedShares[] = [];
  for (const [device, state] of signed) {
    if (lostAt[device] === 'reveal') continue;
    const outcome = revealShares(state, signaturesFor(reveals, indexOf(device)), suite);
    if (outcome.kind === 'refuse') continue;
    revealed.push(outcome.message);
    reveals = taken(receiveReveal(reveals, nameOf(device), outcome.message));
  }
  const end = closeReveals(reveals, suite);
  if (end.kind === 'abandoned') return { ...nothing, revealed, end };
  applyMasks(sum, end.masks, round.ringBits);
  return { end: 'sum', sum, survivors: end.survivors, revealed };
}

function proceeding<From, To>(
  states: ReadonlyMap<number, From>,
  stage: (state: From, device: number) => Outcome<To, unknown>,
): Map<number, To> {
  const next = new Map<number, To>();
  for (const [device, state] of states) {
    const outcome = stage(state, device);
    if (outcome.kind === 'proceed') next.set(device, outcome.state);
  }
  return next;
}

/** The state after a message that must have been taken. */
export function taken<State>(receipt: Receipt<State>): State {
  if (receipt.kind !== 'accepted') {
    throw new Error(receipt.kind === 'rejected' ? `${receipt.code}: ${receipt.message}` : 'taken before');
  }
  return receipt.state;
}
