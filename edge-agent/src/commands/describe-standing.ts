/** The agent's published standing, as a person reads it: what was written, when, and whether it still holds. */
import type { PublishedStanding } from '../standing/index.js';

export interface KnownStanding extends PublishedStanding {
  /** Whether the agent that wrote it runs; otherwise it is what was true when it ended, or was killed. */
  readonly isCurrent: boolean;
}

export function knownStanding(
  published: PublishedStanding | undefined,
  processId: number | undefined,
): KnownStanding | undefined {
  return published && { ...published, isCurrent: published.processId === processId };
}

export function describeStanding(standing: KnownStanding | undefined): readonly string[] {
  if (standing === undefined) return [];
  const { connection, training, lastRound, isCurrent } = standing;
  const at = (ms: number): string => new Date(ms).toISOString();
  const error =
    connection.lastError === null
      ? ''
      : `; last error ${connection.lastError.code} at ${at(connection.lastError.atMs)}`;
  const stale = isCurrent ? '' : ` (as of ${at(standing.atMs)}; the agent that said so does not run)`;
  const work =
    training.work === null
      ? ''
      : `, task ${training.work.task || '?'}, run ${training.work.round.runId}, round ${training.work.round.round}`;
  const why = training.reasons.length === 0 ? '' : ` because of ${training.reasons.join(', ')}`;
  return [
    `connected ${connectionWords[connection.kind]} since ${at(connection.sinceMs)}${error}${stale}`,
    `training  ${training.kind}${why}${work} since ${at(training.sinceMs)}${stale}`,
    lastRound === null
      ? 'round     none yet'
      : `round     ${lastRound.outcome}${lastRound.code === null ? '' : ` (${lastRound.code})`}: task ${lastRound.task || '?'}, run ${lastRound.runId}, round ${lastRound.round}, attempt ${lastRound.attempt}, at ${at(lastRound.atMs)}`,
  ];
}

const connectionWords = {
  connecting: 'not yet: asked, and not answered,',
  connected: 'yes,',
  'backing-off': 'no: tries again by itself,',
  incompatible: 'no: agent and coordinator do not fit,',
  'not-needed': 'not needed: this agent asks for no work,',
} as const satisfies Record<PublishedStanding['connection']['kind'], string>;
