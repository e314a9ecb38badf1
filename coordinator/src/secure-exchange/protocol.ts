/** The protocol's state beside a round's: which messages there are, and what follows from them. Pure. */
import {
  type CollectingKeys,
  type CollectingReveals,
  type CollectingShares,
  type CollectingSignatures,
  type CollectingUpdates,
  closeKeys,
  closeShares,
  closeSignatures,
  closeUpdates,
  collectKeys,
  type KeySuite,
  packedLength,
  type Receipt,
  receiveKeys,
  receiveReveal,
  receiveShares,
  receiveSignature,
  receiveUpdate,
  type SecureRound,
  type TrustCertificate,
} from '@starling/federation';
import { assert, CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import type { RoundState } from '../rounds/index.js';
import type { ExchangeMessage } from '../storage/index.js';
import { decodeMessage, type StageMessage } from './messages.js';

export type ProtocolState =
  | CollectingKeys
  | CollectingShares
  | CollectingUpdates
  | CollectingSignatures
  | CollectingReveals;

/** Who may vouch for signatures: the fleet's authority, and the cryptography. */
export interface Verifier {
  readonly trust: TrustCertificate;
  readonly suite: KeySuite;
}

export function startProtocol(round: SecureRound, cohort: Iterable<DeviceId>): ProtocolState {
  return collectKeys(round, [...cohort]);
}

/** Takes a message of the stage that the protocol is in. */
export function receiveMessage(
  state: ProtocolState,
  sender: DeviceId,
  message: StageMessage,
  { trust, suite }: Verifier,
): Receipt<ProtocolState> {
  switch (message.stage) {
    case 'advertise-keys':
      assert(state.kind === 'collecting-keys', `keys cannot be taken while ${state.kind}`);
      return receiveKeys(state, sender, message.keys, trust, suite);
    case 'share-keys':
      assert(state.kind === 'collecting-shares', `shares cannot be taken while ${state.kind}`);
      return receiveShares(state, sender, message.shared);
    case 'consistency':
      assert(state.kind === 'collecting-signatures', `signatures cannot be taken while ${state.kind}`);
      return receiveSignature(state, sender, message.signed, trust, suite);
    case 'unmask':
      assert(state.kind === 'collecting-reveals', `shares cannot be revealed while ${state.kind}`);
      return receiveReveal(state, sender, message.revealed);
  }
}

const kindOfStage: Readonly<Partial<Record<RoundState['stage'], ProtocolState['kind']>>> = {
  'advertise-keys': 'collecting-keys',
  'share-keys': 'collecting-shares',
  collect: 'collecting-updates',
  consistency: 'collecting-signatures',
  unmask: 'collecting-reveals',
  aggregate: 'collecting-reveals',
};

/**
 * Brings the protocol to the stage that the round is in. Throws `SECURE_AGGREGATION_FAILED` where the protocol sees no
 * way on: the round's own quorums are the protocol's, so that this is a cohort without a graph at most.
 */
export function advanceProtocol(state: ProtocolState, round: RoundState): ProtocolState {
  const wanted = kindOfStage[round.stage];
  let at = state;
  while (wanted !== undefined && at.kind !== wanted) at = closeStage(at, round);
  return at;
}

function closeStage(state: ProtocolState, round: RoundState): ProtocolState {
  const next = closed(state, round);
  if (next.kind !== 'abandoned') return next;
  throw new CoordinatorError(
    refusal(
      'failed-precondition',
      'SECURE_AGGREGATION_FAILED',
      `Secure aggregation cannot go on (${next.code}): ${next.message}.`,
      'Drop the work and check in for new work.',
    ),
  );
}

function closed(state: ProtocolState, round: RoundState) {
  switch (state.kind) {
    case 'collecting-keys':
      return closeKeys(state);
    case 'collecting-shares':
      return closeShares(state);
    case 'collecting-updates':
      return closeUpdates(withUpdates(state, round));
    case 'collecting-signatures':
      return closeSignatures(state);
    case 'collecting-reveals':
      throw new Error('the last stage is closed by taking the masks off');
  }
}

/** Whose updates are in the sum is what the round's events say. */
function withUpdates(state: CollectingUpdates, round: RoundState): CollectingUpdates {
  const { vectorLength, ringBits } = state.cohort.round;
  const bytes = packedLength(vectorLength, ringBits);
  let taken = state;
  const counted = 'counted' in round ? [...round.counted.keys()] : [];
  for (const deviceId of counted) {
    const receipt = receiveUpdate(taken, deviceId, bytes);
    assert(
      receipt.kind === 'accepted',
      `the update of ${deviceId} is counted, but not one of the protocol's`,
    );
    taken = receipt.state;
  }
  return taken;
}

/** The stages in which devices speak, in order. */
const speakingStages = ['advertise-keys', 'share-keys', 'consistency', 'unmask'] as const;

/**
 * The state that stored messages lead to in a round. They were verified before they were stored; that a certificate was
 * revoked since must not change who is in the roster.
 */
export function replayMessages(
  secureRound: SecureRound,
  round: RoundState & { readonly cohort: ReadonlySet<DeviceId> },
  messages: readonly ExchangeMessage[],
  suite: KeySuite,
): ProtocolState {
  const verifier: Verifier = {
    trust: () => new Uint8Array(32),
    suite: { ...suite, verify: () => true },
  };
  let state = startProtocol(secureRound, round.cohort);
  for (const stage of speakingStages) {
    const wanted = kindOfStage[stage];
    const ofStage = messages.filter((message) => message.stage === stage);
    if (ofStage.length === 0) break;
    while (state.kind !== wanted) state = closeStage(state, round);
    for (const { deviceId, body } of ofStage) {
      const receipt = receiveMessage(state, deviceId, decodeMessage(stage, body), verifier);
      assert(receipt.kind === 'accepted', 'only what was accepted is stored');
      state = receipt.state;
    }
  }
  return advanceProtocol(state, round);
}
