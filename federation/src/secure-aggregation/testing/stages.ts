import {
  type AdvertisedClient,
  acceptShares,
  advertiseKeys,
  type DevicePolicy,
  type MaskedClient,
  maskUpdate,
  type ReadyClient,
  type SharedClient,
  type SignedClient,
  shareKeys,
  signSurvivors,
} from '../client/index.js';
import type { DeliveredShares, Roster, SurvivorsAnnouncement } from '../messages.js';
import type { Outcome } from '../refusal.js';
import type { SecureRound } from '../round.js';
import {
  type CollectingReveals,
  type CollectingSignatures,
  closeKeys,
  closeShares,
  closeSignatures,
  closeUpdates,
  collectKeys,
  receiveKeys,
  receiveShares,
  receiveSignature,
  receiveUpdate,
  rosterFor,
  type ServerCohort,
  sharesFor,
} from '../server/index.js';
import { createFleet, type Fleet, lenientPolicy, planHash, testRound } from './fleet.js';
import { taken } from './whole-round.js';

/** An honest round, kept at every stage, so that a test can change one message and see what a device says to it. */
export interface Stages {
  readonly fleet: Fleet;
  readonly round: SecureRound;
  readonly cohort: ServerCohort;
  /** Each by roster index, which is also the device's place in the fleet. */
  readonly advertised: readonly AdvertisedClient[];
  readonly rosters: readonly Roster[];
  readonly shared: readonly SharedClient[];
  readonly delivered: readonly DeliveredShares[];
  readonly ready: readonly ReadyClient[];
  readonly masked: readonly MaskedClient[];
  readonly announcement: SurvivorsAnnouncement;
  readonly signed: readonly SignedClient[];
  readonly signatures: CollectingSignatures;
  readonly reveals: CollectingReveals;
}

export interface StagesOptions {
  readonly devices?: number;
  readonly round?: Partial<SecureRound>;
  readonly policy?: DevicePolicy;
  /** Devices draw other secrets for another label. */
  readonly secrets?: string;
  /** Its update never arrives. */
  readonly dropout?: number;
}

/** Runs an honest round up to the reveals. */
export function runStages({
  devices = 6,
  round: changes = {},
  policy = lenientPolicy,
  secrets = 'first',
  dropout,
}: StagesOptions = {}): Stages {
  const fleet = createFleet(devices, 'stages');
  const { suite, trust, identities } = fleet;
  const round = testRound(changes);
  const nameOf = (index: number): string => identities[index].device;

  let keys = collectKeys(
    round,
    identities.map(({ device }) => device),
  );
  const advertised = identities.map((identity, i) => {
    const outcome = proceeded(
      advertiseKeys({ round, identity, policy, planHash, entropy: fleet.entropyOf(i).fork(secrets), suite }),
    );
    keys = taken(receiveKeys(keys, identity.device, outcome.message, trust, suite));
    return outcome.state;
  });
  let shares = going(closeKeys(keys));
  const { cohort } = shares;
  const rosters = identities.map((_, i) => rosterFor(cohort, i));
  const shared = advertised.map((state, i) => {
    const outcome = proceeded(shareKeys(state, rosters[i], trust, fleet.entropyOf(i).fork('shares'), suite));
    shares = taken(receiveShares(shares, nameOf(i), outcome.message));
    return outcome.state;
  });
  let updates = going(closeShares(shares));
  const delivered = shared.map((_, i) => sharesFor(cohort, updates.shared, i));
  const ready = shared.map((state, i) => proceeded(acceptShares(state, delivered[i], suite)).state);
  const masked = ready.map((state, i) => {
    const outcome = proceeded(maskUpdate(state, new Uint32Array(round.vectorLength).fill(i)));
    if (i !== dropout) {
      updates = taken(receiveUpdate(updates, nameOf(i), outcome.message.packed.length));
    }
    return outcome.state;
  });
  let signatures = going(closeUpdates(updates));
  const { announcement } = signatures;
  const signed = masked.flatMap((state, i) => {
    if (i === dropout) return [];
    const outcome = proceeded(signSurvivors(state, announcement, identities[i]));
    signatures = taken(receiveSignature(signatures, nameOf(i), outcome.message, trust, suite));
    if (outcome.state.kind !== 'signed') throw new Error('revealed before it signed');
    return [outcome.state];
  });
  const reveals = closeSignatures(signatures);
  return {
    fleet,
    round,
    cohort,
    advertised,
    rosters,
    shared,
    delivered,
    ready,
    masked,
    announcement,
    signed,
    signatures,
    reveals,
  };
}

export function proceeded<State, Message>(
  outcome: Outcome<State, Message>,
): { readonly state: State; readonly message: Message } {
  if (outcome.kind === 'refuse') throw new Error(`${outcome.refusal.code}: ${outcome.refusal.message}`);
  return outcome;
}

/** The code of a refusal that must have come. */
export function refusalOf(outcome: Outcome<unknown, unknown>): string {
  return outcome.kind === 'refuse' ? outcome.refusal.code : 'proceeded';
}

function going<State extends { readonly kind: string }>(
  state: State | { readonly kind: 'abandoned'; readonly message: string },
): Exclude<State, { readonly kind: 'abandoned' }> {
  if (state.kind === 'abandoned') throw new Error('the round was abandoned');
  return state as Exclude<State, { readonly kind: 'abandoned' }>;
}
