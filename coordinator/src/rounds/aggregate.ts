/** Enough arrived; the aggregate is being made. The set of counted updates no longer changes. */

import { type Collected, type Collecting, collectedOf } from './collect.js';
import { accept, type RoundCommand, type RoundDecision } from './decision.js';
import type { Unmasking } from './unmask.js';

export interface Aggregating extends Collected {
  readonly stage: 'aggregate';
}

export function aggregating(state: Collecting | Unmasking): Aggregating {
  return { stage: 'aggregate', ...collectedOf(state) };
}

export function decideCommit(
  state: Aggregating,
  command: Extract<RoundCommand, { kind: 'commit' }>,
): RoundDecision {
  let bytesUploaded = 0;
  for (const contribution of state.counted.values()) bytesUploaded += contribution.payloadBytes;
  return accept({
    kind: 'round-committed',
    atMs: command.nowMs,
    key: state.started.key,
    checkpoint: command.checkpoint,
    strategyState: command.strategyState,
    updates: state.counted.size,
    durationMs: command.nowMs - state.started.atMs,
    bytesUploaded,
    bytesDownloaded: command.bytesDownloaded,
    secure: command.secure,
    clipping: command.clipping ?? null,
    analytics: command.analytics ?? null,
  });
}
