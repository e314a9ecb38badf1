/** What the four stages that secure aggregation adds have in common: everybody who is left is to answer once. */
import { assert } from '../errors.js';
import { type DeviceId, describeRound } from '../ids.js';
import { type Collected, collectedOf } from './collect.js';
import {
  accept,
  deviceFailed,
  type FailDevice,
  type RoundCommand,
  type RoundDecision,
  refuse,
} from './decision.js';
import type { CollectionClosed, DeviceFailed, RoundEvent, StageAnswered, StageClosed } from './events.js';
import { describeQuorums, isReachable, isReached, type Quorum } from './quorum.js';
import { standingInExchange } from './standing.js';

export interface Exchange extends Collected {
  readonly answered: ReadonlySet<DeviceId>;
  /** Whether what was answered is all that the stage needs, whoever else might answer. */
  readonly suffices: boolean;
  readonly enteredAtMs: number;
  readonly lastAnswerAtMs: number;
  readonly deadlineAtMs: number;
}

/** What one of the stages does its own way. */
export interface ExchangeRules {
  readonly timeoutMs: number;
  /** With quorums reached, the stage ends after this time without an answer; `undefined` where it waits for the deadline. */
  readonly graceMs: number | undefined;
  /** Fewest answers to go on with; `undefined` where only `suffices` counts. */
  readonly quorums: readonly Quorum[] | undefined;
}

/** The stage has begun: `expected` are to answer. */
export function entered<Stage extends ExchangeState['stage']>(
  stage: Stage,
  collected: Collected,
  expected: ReadonlySet<DeviceId>,
  atMs: number,
  { timeoutMs }: Pick<ExchangeRules, 'timeoutMs'>,
): Exchange & { readonly stage: Stage } {
  return {
    stage,
    ...collectedOf(collected),
    expected,
    answered: new Set(),
    suffices: false,
    enteredAtMs: atMs,
    lastAnswerAtMs: atMs,
    deadlineAtMs: atMs + timeoutMs,
  };
}

export type ExchangeState = Exchange & {
  readonly stage: 'advertise-keys' | 'share-keys' | 'consistency' | 'unmask';
};

/** The deadline moves with progress: it passes when nobody has answered for the stage's time. */
export function withAnswered<State extends ExchangeState>(
  state: State,
  event: StageAnswered,
  rules: ExchangeRules,
): State {
  assert(event.stage === state.stage, `answers of ${event.stage} cannot follow in ${state.stage}`);
  const answered = new Set(state.answered);
  for (const deviceId of event.devices) {
    assert(state.expected.has(deviceId) && !answered.has(deviceId), 'a stage is answered once by each');
    answered.add(deviceId);
  }
  return {
    ...state,
    answered,
    suffices: event.suffices,
    lastAnswerAtMs: event.atMs,
    deadlineAtMs: Math.max(state.deadlineAtMs, event.atMs + rules.timeoutMs),
  };
}

export function withExchangeFailure<State extends ExchangeState>(state: State, event: DeviceFailed): State {
  return { ...state, failed: new Map(state.failed).set(event.deviceId, event) };
}

/** The moment until which nothing changes unless somebody answers. */
export function exchangeWakeAtMs(state: ExchangeState, rules: ExchangeRules): number {
  const { graceMs, quorums } = rules;
  const quiet =
    graceMs !== undefined && quorums !== undefined && isReached(quorums, state.answered)
      ? state.lastAnswerAtMs + graceMs
      : Number.POSITIVE_INFINITY;
  return Math.min(state.deadlineAtMs, quiet);
}

/** What follows from the answers and the time, if anything. */
export function exchangeClosing(state: ExchangeState, nowMs: number, rules: ExchangeRules): RoundEvent[] {
  const { started, stage, answered, failed, expected } = state;
  const { key } = started;
  const isOutstanding = (deviceId: DeviceId): boolean =>
    expected.has(deviceId) && !answered.has(deviceId) && !failed.has(deviceId);
  const outstanding = [...expected].filter(isOutstanding).length;
  const close = (cause: CollectionClosed['cause']): StageClosed[] => [
    { kind: 'stage-closed', atMs: nowMs, key, stage, cause },
  ];
  const { quorums } = rules;
  const isQuorum = quorums !== undefined && isReached(quorums, answered);
  if (state.suffices) return close('enough');
  if (isQuorum && outstanding === 0) return close('nobody-left');
  if (isQuorum && nowMs >= exchangeWakeAtMs(state, rules)) return close('deadline');
  const isHopeless =
    outstanding === 0 || (quorums !== undefined && !isReachable(quorums, answered, isOutstanding));
  if (!isHopeless && nowMs < state.deadlineAtMs) return [];
  return [
    {
      kind: 'round-abandoned',
      atMs: nowMs,
      key,
      code: isHopeless ? 'QUORUM_IMPOSSIBLE' : 'DEADLINE_BELOW_QUORUM',
      reason:
        `${describeRound(key)}: ${answered.size} of ${expected.size} devices had answered in its stage ${stage}` +
        `${quorums === undefined ? '' : `, of ${describeQuorums(quorums)}`}, ` +
        `${failed.size} had given up${isHopeless ? '' : ', and its deadline passed'}.`,
    },
  ];
}

export function decideAnswer(
  state: ExchangeState,
  command: Extract<RoundCommand, { kind: 'answer' }>,
  rules: ExchangeRules,
): RoundDecision {
  assert(command.stage === state.stage, 'who hands in answers asks for the stage first');
  const devices = command.devices.filter((deviceId) => !state.answered.has(deviceId));
  for (const deviceId of devices) {
    const standing = standingInExchange(state, deviceId);
    if (standing.kind === 'refused' || standing.kind === 'failed') return refuse(standing.refusal);
  }
  if (devices.length === 0) return accept();
  const event: StageAnswered = {
    kind: 'stage-answered',
    atMs: command.nowMs,
    key: state.started.key,
    stage: state.stage,
    devices,
    suffices: command.suffices,
  };
  return accept(event, ...exchangeClosing(withAnswered(state, event, rules), command.nowMs, rules));
}

export function decideExchangeFailure(
  state: ExchangeState,
  command: FailDevice,
  rules: ExchangeRules,
): RoundDecision {
  const standing = standingInExchange(state, command.deviceId);
  if (standing.kind === 'failed') return accept();
  if (standing.kind === 'refused') return refuse(standing.refusal);
  const event = deviceFailed(state.started.key, command);
  return accept(event, ...exchangeClosing(withExchangeFailure(state, event), command.nowMs, rules));
}
