/** What follows in a run while no attempt at a round is live. */
import type { RoundKey } from '../ids.js';
import { type RoundPayment, roundPrivacyOf } from '../privacy/index.js';
import type { RunEnded, RunEvent } from './events.js';
import { liveRound, type RunningRun, type RunState } from './state.js';
import { decidingSources } from './stop-criteria.js';

/** The attempt that could start now if it were paid for; `undefined` where none is due or none costs anything. */
export function roundToPayFor(state: RunState): RoundKey | undefined {
  if (state.kind !== 'running' || state.started.settings.privacy === null) return undefined;
  if (liveRound(state) !== undefined) return undefined;
  const [event] = betweenRounds(state, 0, { kind: 'paid', epsilon: 0 });
  return event?.kind === 'round-started' && event.privacy !== null ? event.key : undefined;
}

/** What to do next where no attempt is live: end the run, wait for measurements, evaluate, or start a round. */
export function betweenRounds(state: RunningRun, nowMs: number, payment?: RoundPayment): RunEvent[] {
  const { settings, seed } = state.started;
  if (state.stopReason !== null) return ending(state, nowMs, 'completed', state.stopReason);
  if (state.isAnswerLost) {
    // Another attempt would be paid for as well, and refused by every device that has told its answer.
    const reason =
      `${state.lastAbandonment} Devices may have told their answers by then, and tell them once: ` +
      'ask the question anew.';
    return ending(state, nowMs, 'failed', reason);
  }
  if (state.abandonedInARow >= settings.attemptsMax) {
    const reason = `${state.abandonedInARow} attempts in a row were abandoned. The last: ${state.lastAbandonment}`;
    return ending(state, nowMs, 'failed', reason);
  }
  const federated = state.evaluationsDue.find((due) => due.source === 'federated');
  const evaluation = settings.federatedEvaluation;
  if (federated !== undefined && evaluation !== null) {
    const key = nextKey(state, federated.round);
    return [
      {
        kind: 'round-started',
        atMs: nowMs,
        key,
        purpose: 'evaluate',
        settings: evaluation.round,
        checkpoint: federated.checkpoint,
        selectionSeed: `${seed}/evaluate/${key.round}`,
        privacy: null,
      },
    ];
  }
  const last = state.roundsCommitted >= state.roundsTarget;
  const deciding = decidingSources(settings.stop);
  if (state.evaluationsDue.some((due) => last || deciding.has(due.source))) return [];
  if (last) {
    return ending(state, nowMs, 'completed', `${state.roundsCommitted} rounds are committed.`);
  }
  const { privacy } = settings;
  if (privacy !== null && payment?.kind !== 'paid') {
    // What was measured of the last checkpoint belongs to the run.
    if (payment === undefined || state.evaluationsDue.length > 0) return [];
    return ending(state, nowMs, 'completed', payment.reason);
  }
  const key = nextKey(state, state.roundsCommitted + 1);
  return [
    {
      kind: 'round-started',
      atMs: nowMs,
      key,
      purpose: settings.analytics === null ? 'train' : 'analyze',
      settings: settings.train,
      checkpoint: state.checkpoint,
      selectionSeed: `${seed}/train/${key.round}`,
      privacy:
        privacy === null || payment?.kind !== 'paid'
          ? null
          : roundPrivacyOf(privacy, state.clipping, payment.epsilon),
    },
  ];
}

/** Attempts at one round number are counted through training and evaluation, so a key names one attempt for ever. */
function nextKey(state: RunningRun, round: number): RoundKey {
  const { runId } = state.started;
  const last = state.round?.started.key;
  return { runId, round, attempt: last?.round === round ? last.attempt + 1 : 1 };
}

export function ending(
  state: RunningRun,
  nowMs: number,
  kind: RunEnded['state'],
  reason: string,
): RunEvent[] {
  const ended: RunEnded = { kind: 'run-ended', atMs: nowMs, state: kind, reason };
  const round = liveRound(state);
  if (round === undefined) return [ended];
  const abandoned: RunEvent = {
    kind: 'round-abandoned',
    atMs: nowMs,
    key: round.started.key,
    code: 'RUN_STOPPED',
    reason: `The run ended: ${reason}`,
  };
  return [abandoned, ended];
}
