import { CoordinatorError, refusal } from '../errors.js';
import { describeRound, type RoundKey, sameRound } from '../ids.js';
import type { RoundState } from '../rounds/index.js';
import type { RunActor } from './run-actor.js';

/** The attempt that a message names. Throws `ROUND_OVER` for one long past, `ROUND_UNKNOWN` for one that never was. */
export function findRound(actor: RunActor, key: RoundKey): RoundState {
  const rounds = actor.rounds();
  const found = rounds.find((round) => sameRound(round.started.key, key));
  if (found !== undefined) return found;
  const newest = rounds.at(0)?.started.key;
  const past =
    newest !== undefined &&
    (key.round < newest.round || (key.round === newest.round && key.attempt < newest.attempt));
  throw new CoordinatorError(
    past
      ? refusal(
          'failed-precondition',
          'ROUND_OVER',
          `${describeRound(key)} is long over; the run is at round ${newest.round}.`,
          'Drop the work and check in for new work.',
        )
      : refusal(
          'not-found',
          'ROUND_UNKNOWN',
          `There is no ${describeRound(key)}.`,
          'Check in and wait for an assignment.',
        ),
  );
}
