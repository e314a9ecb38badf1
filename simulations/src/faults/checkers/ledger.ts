import { epsilonSpent } from '@starling/federation';
import { tasks } from '../fleet.js';
import { type MakeChecker, startOf } from './checker.js';

interface Row {
  readonly task_name: string;
  readonly sequence: number;
  readonly body: string;
}

const { accountant, delta, noise } = tasks.private.privacy;

/** ε of so many attempts at rounds of the one private task; nobody claims to sample devices there. */
function spentAfter(rounds: number): number {
  const mechanism = { kind: 'gaussian', noiseMultiplier: noise.multiplier, sampling: 1 } as const;
  return epsilonSpent(accountant, [{ mechanism, rounds }], delta);
}

/** The ledger never says less than was spent: an attempt is paid for before its start is in the log, and stays paid. */
export const ledger: MakeChecker = (sight) => {
  const paid = new Map<string, number>();
  const entries = new Map<string, string>();
  const read = (): void => {
    const database = sight.world.coordinator.disk.databases.get('/coordinator/coordinator.db')?.open;
    if (database === undefined) return;
    const rows = database.prepare<[], Row>('SELECT task_name, sequence, body FROM privacy_ledger').all();
    for (const { task_name, sequence, body } of rows) {
      const name = `${task_name} ${sequence}`;
      if (entries.has(name)) continue;
      entries.set(name, body);
      const event: unknown = JSON.parse(body);
      if (typeof event !== 'object' || event === null || !('attemptId' in event)) continue;
      const { attemptId, epsilonAfter } = event as { attemptId: string; epsilonAfter: number };
      const most = Math.max(0, ...paid.values());
      if (!(epsilonAfter > most))
        sight.report(`attempt ${attemptId} leaves ε at ${epsilonAfter}, not above ${most}`);
      paid.set(attemptId, epsilonAfter);
      const least = spentAfter(paid.size);
      // A figure that differs in its last bits is the same.
      if (epsilonAfter < least * (1 - 1e-12))
        sight.report(`attempt ${attemptId} leaves ε at ${epsilonAfter}, but ${least} is spent`);
    }
    if (rows.length < entries.size) sight.report('entries of the ledger are gone');
  };
  return {
    name: 'ledger',
    onCommit: read,
    onEvents(runId, events) {
      for (const event of events) {
        if (event.kind !== 'round-started' || startOf(sight, runId).settings.privacy === null) continue;
        read();
        const { round, attempt } = event.key;
        if (event.privacy === null) sight.report(`round ${round} of ${runId} promises nothing`);
        if (!paid.has(`${runId}/${round}/${attempt}`)) {
          sight.report(`round ${round}, attempt ${attempt} of ${runId} started without having been paid for`);
        }
      }
    },
  };
};
