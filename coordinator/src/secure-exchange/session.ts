/**
 * One attempt's exchange: what devices say becomes durable, many at a time in one transaction, and what they are told
 * next is computed from it.
 */
import { canUnmask, type SecureRound } from '@starling/federation';
import { assert, CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, describeRound, type RoundKey } from '../ids.js';
import {
  type ExchangeStage,
  type Group,
  type GroupedCohort,
  groupIndexOf,
  groupsOf,
  isExchanging,
  type RoundState,
  standingInExchange,
  standingOf,
} from '../rounds/index.js';
import type { ExchangeMessage } from '../storage/index.js';
import { encodeMessage, type StageMessage } from './messages.js';
import {
  advanceProtocol,
  type ProtocolState,
  receiveMessage,
  replayMessages,
  type Verifier,
} from './protocol.js';

export interface SecureSession {
  /** Resolves when the message is durable, at once where it was before. Rejects with a typed error. */
  say(deviceId: DeviceId, message: StageMessage): Promise<void>;
  /** The protocol of the device's group in the stage of `round`, the newest state of this attempt. */
  at(round: RoundState, deviceId: DeviceId): ProtocolState;
  /** The same of every group, in the order of the round's groups. */
  groupsAt(round: RoundState): readonly ProtocolState[];
}

/** Hands a stage's answers to the round's machine, their messages with them. */
export type Answer = (
  stage: ExchangeStage,
  devices: readonly DeviceId[],
  suffices: boolean,
  messages: readonly ExchangeMessage[],
) => Promise<void>;

export interface SecureSessionOptions {
  readonly key: RoundKey;
  readonly secureRound: SecureRound;
  /** The attempt as it is now. */
  readonly round: () => RoundState | undefined;
  /** What was stored before this session began. */
  readonly stored: readonly ExchangeMessage[];
  readonly verifier: Verifier;
  /** Runs a job during which nobody else changes the run. */
  readonly exclusive: (job: (answer: Answer) => Promise<void>) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

interface Waiting {
  readonly deviceId: DeviceId;
  readonly message: StageMessage;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds how long the first of a batch waits. */
const batchMax = 256;
const retryAfterMs = 1000;

export function createSecureSession(options: SecureSessionOptions): SecureSession {
  const { key, verifier } = options;
  const waiting: Waiting[] = [];
  let scheduled = false;
  /** Of each group of the cohort: the protocol is run once for each, side by side. */
  let states: readonly ProtocolState[] | undefined;

  const groupsAt = (round: RoundState): readonly ProtocolState[] => {
    assert('cohort' in round, 'an exchange begins with its cohort');
    const before = states;
    states = groupsOf(round).map((group, index) => {
      const seen = ofGroup(round, group);
      if (before !== undefined) return advanceProtocol(before[index], seen);
      const stored = options.stored.filter(({ deviceId }) => group.has(deviceId));
      return replayMessages(options.secureRound, seen, stored, verifier.suite);
    });
    return states;
  };

  const flush = async (): Promise<void> => {
    scheduled = false;
    await options.exclusive((answer) => takeBatch(waiting.splice(0, batchMax), answer));
    if (waiting.length > 0) schedule();
  };

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    flush().catch(options.onFailure);
  };

  const takeBatch = async (batch: readonly Waiting[], answer: Answer): Promise<void> => {
    const round = options.round();
    const taken: Waiting[] = [];
    try {
      if (round === undefined || !isExchanging(round)) {
        for (const each of batch) tellStanding(each, round);
        return;
      }
      const { stage } = round;
      const next = [...groupsAt(round)];
      for (const each of batch) {
        if (each.message.stage !== stage || !mayAnswer(round, each)) {
          tellStanding(each, round);
          continue;
        }
        const group = groupIndexOf(round, each.deviceId);
        const receipt = receiveMessage(next[group], each.deviceId, each.message, verifier);
        if (receipt.kind === 'rejected') each.reject(rejected(receipt.code, receipt.message));
        else taken.push(each);
        next[group] = receipt.state;
      }
      const devices = [...new Set(taken.map(({ deviceId }) => deviceId))];
      const fresh = devices.filter((deviceId) => !round.answered.has(deviceId));
      if (fresh.length > 0) {
        const messages = fresh.map((deviceId): ExchangeMessage => {
          const each = taken.find((said) => said.deviceId === deviceId);
          assert(each !== undefined, 'who is fresh was taken');
          return { key, stage, deviceId, body: encodeMessage(each.message) };
        });
        const suffices = next.every((state) => state.kind === 'collecting-reveals' && canUnmask(state));
        await answer(stage, fresh, suffices, messages);
        states = next;
      }
      for (const each of taken) each.resolve();
    } catch (error) {
      if (!(error instanceof CoordinatorError)) options.onFailure(error);
      for (const each of batch) each.reject(error instanceof CoordinatorError ? error : notTaken(each, key));
    }
  };

  /** A message whose stage is over was heard in time, or the device is told how it stands. */
  const tellStanding = (each: Waiting, round: RoundState | undefined): void => {
    const refused = round === undefined ? undefined : lateRefusal(round, each);
    if (refused === undefined) each.resolve();
    else each.reject(refused);
  };

  return {
    groupsAt,
    at(round, deviceId) {
      assert('cohort' in round, 'an exchange begins with its cohort');
      const index = groupIndexOf(round, deviceId);
      if (index < 0) throw new CoordinatorError(notSelected(round, deviceId));
      return groupsAt(round)[index];
    },
    say: (deviceId, message) =>
      new Promise((resolve, reject) => {
        waiting.push({ deviceId, message, resolve, reject });
        schedule();
      }),
  };
}

/** The round as one group sees it: as if nobody else were in it. */
function ofGroup<Round extends RoundState & GroupedCohort>(round: Round, group: Group): Round {
  const counted =
    'counted' in round
      ? { counted: new Map([...round.counted].filter(([deviceId]) => group.has(deviceId))) }
      : {};
  return { ...round, cohort: group, ...counted };
}

function notSelected(round: RoundState, deviceId: DeviceId) {
  const standing = standingOf(round, deviceId);
  assert(standing.kind === 'refused', 'who is in no group is not in the cohort');
  return standing.refusal;
}

function mayAnswer(round: RoundState, { deviceId }: Waiting): boolean {
  if (!isExchanging(round)) return false;
  const { kind } = standingInExchange(round, deviceId);
  return kind === 'may-answer' || kind === 'answered';
}

/** The stages of a securely aggregated round, in order. */
const order: readonly RoundState['stage'][] = [
  'recruit',
  'advertise-keys',
  'share-keys',
  'collect',
  'consistency',
  'unmask',
  'aggregate',
  'committed',
];

function lateRefusal(round: RoundState, { deviceId, message }: Waiting): CoordinatorError | undefined {
  const standing = isExchanging(round) ? standingInExchange(round, deviceId) : standingOf(round, deviceId);
  if (standing.kind === 'failed' || standing.kind === 'refused') {
    return new CoordinatorError(standing.refusal);
  }
  if (order.indexOf(message.stage) < order.indexOf(round.stage)) return undefined;
  return new CoordinatorError(
    refusal(
      'failed-precondition',
      'STAGE_NOT_REACHED',
      `${describeRound(round.started.key)} is in its stage ${round.stage}, not yet in ${message.stage}.`,
      'Ask GetRoundState what the round waits for.',
    ),
  );
}

function rejected(code: string, message: string): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'failed-precondition',
      `SECURE_${code.toUpperCase().replaceAll('-', '_')}`,
      `${message[0].toUpperCase()}${message.slice(1)}.`,
      'Give the round up, and check in for new work.',
    ),
  );
}

function notTaken({ deviceId }: Waiting, key: RoundKey): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'aborted',
      'MESSAGE_NOT_TAKEN',
      `What device ${deviceId} said could not be stored in ${describeRound(key)} just now.`,
      'Send it again.',
      retryAfterMs,
    ),
  );
}
