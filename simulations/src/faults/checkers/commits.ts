import type { MakeChecker } from './checker.js';

/** No round is committed twice or out of order, and nothing happens in an attempt that is over. */
export const commits: MakeChecker = ({ report }) => {
  const committed = new Map<string, number>();
  const over = new Set<string>();
  return {
    name: 'commits',
    onEvents(runId, events) {
      for (const event of events) {
        if (!('key' in event)) continue;
        const { round, attempt } = event.key;
        const name = `${runId} round ${round} attempt ${attempt}`;
        if (over.has(name)) report(`${event.kind} in ${name}, which is over`);
        if (event.kind === 'round-abandoned' || event.kind === 'round-committed') over.add(name);
        if (event.kind !== 'round-committed') continue;
        const before = committed.get(runId) ?? 0;
        if (round !== before + 1) report(`${name} is committed after round ${before}`);
        committed.set(runId, round);
      }
    },
  };
};
