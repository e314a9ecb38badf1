/** Which checkpoints a coordinator needs no longer. */
import type { Sha256 } from '../ids.js';
import type { Recorded } from '../runs/index.js';

/**
 * The checkpoints and strategy states that no run needs. Kept are: of each run the newest strategy state, of a run that
 * goes on all checkpoints, of an ended one the first and the last `checkpointsKept` (`null`: all). One content may
 * belong to several runs, so all of them are looked at together.
 */
export function supersededArtifacts(
  runs: readonly (readonly Recorded[])[],
  checkpointsKept: number | null,
): Sha256[] {
  const mentioned = new Set<Sha256>();
  const needed = new Set<Sha256>();
  for (const recorded of runs) {
    const checkpoints: Sha256[] = [];
    const states: Sha256[] = [];
    for (const { event } of recorded) {
      if (event.kind === 'run-started' || event.kind === 'round-committed') {
        checkpoints.push(event.checkpoint.sha256);
      }
      if (event.kind === 'round-committed' && event.strategyState !== null) {
        states.push(event.strategyState.sha256);
      }
    }
    for (const sha256 of [...checkpoints, ...states]) mentioned.add(sha256);
    const keepsAll = checkpointsKept === null || !hasEnded(recorded);
    const last = keepsAll ? checkpoints : checkpoints.slice(-Math.max(1, checkpointsKept));
    for (const sha256 of [...checkpoints.slice(0, 1), ...last, ...states.slice(-1)]) needed.add(sha256);
  }
  return [...mentioned].filter((sha256) => !needed.has(sha256));
}

function hasEnded(recorded: readonly Recorded[]): boolean {
  const last = recorded.findLast(({ event }) => event.kind === 'run-ended' || event.kind === 'run-resumed');
  return last?.event.kind === 'run-ended';
}
