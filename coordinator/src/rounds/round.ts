/**
 * One attempt at one round as a pure state machine. `decideRound` answers a command with the events that follow from
 * it, `evolveRound` folds an event into the state; neither does any I/O or knows of time but by the command's.
 *
 *     recruit ─▶ collect ─▶ aggregate ─▶ committed
 *        └──────────┴───────────┴──────▶ abandoned
 *
 * With secure aggregation four stages more, any of which may end in abandonment too:
 *
 *     recruit ─▶ advertise-keys ─▶ share-keys ─▶ collect ─▶ consistency ─▶ unmask ─▶ aggregate ─▶ committed
 */
import { assert, refusal } from '../errors.js';
import { type DeviceId, describeRound, sameRound } from '../ids.js';
import { type Abandoned, abandoned } from './abandoned.js';
import { type AdvertisingKeys, advertisingKeys } from './advertise-keys.js';
import { type Aggregating, aggregating, decideCommit } from './aggregate.js';
import {
  advanceCollect,
  type Collecting,
  collecting,
  collectingMasked,
  decideCount,
  decideFailure,
  withCounted,
  withFailed,
} from './collect.js';
import { type Committed, committed } from './committed.js';
import { type ConfirmingSurvivors, confirmingSurvivors } from './consistency.js';
import { accept, type RoundCommand, type RoundDecision, type RoundEffect, refuse } from './decision.js';
import type { RoundEvent, StageClosed } from './events.js';
import {
  decideAnswer,
  decideExchangeFailure,
  exchangeClosing,
  exchangeWakeAtMs,
  withAnswered,
  withExchangeFailure,
} from './exchange.js';
import { advanceRecruit, type Recruiting, recruiting, recruitWakeAtMs } from './recruit.js';
import { exchangeRules } from './secure-stages.js';
import { type SharingKeys, sharingKeys } from './share-keys.js';
import { standingOf } from './standing.js';
import { type Unmasking, unmasking } from './unmask.js';

/** The stages that secure aggregation adds. */
export type ExchangingRound = AdvertisingKeys | SharingKeys | ConfirmingSurvivors | Unmasking;
/** The stages in which something can still happen. */
export type LiveRound = Recruiting | Collecting | Aggregating | ExchangingRound;
export type RoundState = LiveRound | Committed | Abandoned;

/** Whether the round is in a stage that every device is to answer once. */
export function isExchanging(state: RoundState): state is ExchangingRound {
  switch (state.stage) {
    case 'advertise-keys':
    case 'share-keys':
    case 'consistency':
    case 'unmask':
      return true;
    default:
      return false;
  }
}

export function isLive(state: RoundState): state is LiveRound {
  return state.stage !== 'committed' && state.stage !== 'abandoned';
}

/** Folds an event into the state. Throws where the event cannot follow: then the store is damaged or the code wrong. */
export function evolveRound(state: RoundState | null, event: RoundEvent): RoundState {
  if (event.kind === 'round-started') {
    assert(state === null || !isLive(state), 'a round starts after the one before has ended');
    return recruiting(event);
  }
  assert(state !== null && sameRound(state.started.key, event.key), 'an event belongs to its round');
  switch (event.kind) {
    case 'cohort-selected':
      assert(state.stage === 'recruit', `${event.kind} cannot follow in ${state.stage}`);
      return state.started.settings.secure === null
        ? collecting(state, event)
        : advertisingKeys(state, event);
    case 'stage-answered':
      assert(isExchanging(state), `${event.kind} cannot follow in ${state.stage}`);
      return withAnswered(state, event, exchangeRules(state));
    case 'stage-closed':
      return afterStage(state, event);
    case 'contributions-counted':
      assert(state.stage === 'collect', `${event.kind} cannot follow in ${state.stage}`);
      return withCounted(state, event);
    case 'device-failed':
      if (isExchanging(state)) return withExchangeFailure(state, event);
      assert(state.stage === 'collect', `${event.kind} cannot follow in ${state.stage}`);
      return withFailed(state, event);
    case 'collection-closed':
      assert(state.stage === 'collect', `${event.kind} cannot follow in ${state.stage}`);
      return event.masked ? confirmingSurvivors(state, event) : aggregating(state);
    case 'round-committed':
      assert(state.stage === 'aggregate', `${event.kind} cannot follow in ${state.stage}`);
      return committed(state, event);
    case 'round-abandoned':
      assert(isLive(state), `${event.kind} cannot follow in ${state.stage}`);
      return abandoned(state, event);
  }
}

function afterStage(state: RoundState, event: StageClosed): RoundState {
  assert(state.stage === event.stage, `the end of ${event.stage} cannot follow in ${state.stage}`);
  switch (state.stage) {
    case 'advertise-keys':
      return sharingKeys(state, event);
    case 'share-keys':
      return collectingMasked(state, event);
    case 'consistency':
      return unmasking(state, event);
    case 'unmask':
      return aggregating(state);
  }
}

export function decideRound(state: RoundState, command: RoundCommand): RoundDecision {
  switch (command.kind) {
    case 'advance':
      if (state.stage === 'recruit') return advanceRecruit(state, command);
      if (state.stage === 'collect') return advanceCollect(state, command.nowMs);
      if (isExchanging(state)) {
        return accept(...exchangeClosing(state, command.nowMs, exchangeRules(state)));
      }
      return accept();
    case 'count':
      if (state.stage === 'collect') return decideCount(state, command);
      return refuseContribution(
        state,
        command.contributions.map((each) => each.deviceId),
      );
    case 'answer':
      assert(isExchanging(state), 'who hands in answers asks for the stage first');
      return decideAnswer(state, command, exchangeRules(state));
    case 'fail-device':
      if (isExchanging(state)) return decideExchangeFailure(state, command, exchangeRules(state));
      if (state.stage === 'collect') return decideFailure(state, command);
      return decideLateFailure(state, command.deviceId);
    case 'commit':
      if (state.stage === 'aggregate') return decideCommit(state, command);
      return refuse(
        refusal(
          'failed-precondition',
          'ROUND_NOT_AGGREGATING',
          `${describeRound(state.started.key)} is in stage ${state.stage} and cannot be committed.`,
          '',
        ),
      );
    case 'abandon':
      if (!isLive(state)) return accept();
      return accept({
        kind: 'round-abandoned',
        atMs: command.nowMs,
        key: state.started.key,
        code: command.code,
        reason: command.reason,
      });
  }
}

function refuseContribution(state: RoundState, devices: readonly DeviceId[]): RoundDecision {
  for (const deviceId of devices) {
    const standing = standingOf(state, deviceId);
    if (standing.kind === 'refused' || standing.kind === 'failed') return refuse(standing.refusal);
  }
  return accept();
}

/** A device that gives up after the stage closed has nothing to tell any more, unless it never was in the cohort. */
function decideLateFailure(state: RoundState, deviceId: DeviceId): RoundDecision {
  const standing = standingOf(state, deviceId);
  const unknown = standing.kind === 'refused' && standing.refusal.code === 'DEVICE_NOT_SELECTED';
  return unknown || state.stage === 'recruit' ? refuseContribution(state, [deviceId]) : accept();
}

/** What must be carried out again after a restart, from the state alone. */
export function recoveryEffects(state: RoundState): readonly RoundEffect[] {
  return state.stage === 'aggregate' ? [{ kind: 'aggregate', key: state.started.key }] : [];
}

/** The moment until which nothing changes unless somebody sends something; `undefined` where time plays no part. */
export function wakeAtMs(state: RoundState, nowMs: number, lastArrivalAtMs: number): number | undefined {
  if (state.stage === 'recruit') return recruitWakeAtMs(state, nowMs, lastArrivalAtMs);
  if (isExchanging(state)) return exchangeWakeAtMs(state, exchangeRules(state));
  return state.stage === 'collect' ? state.deadlineAtMs : undefined;
}
