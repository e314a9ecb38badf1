import type { Operation } from '../operation.js';
import type { MakeChecker } from './checker.js';

const harmless: ReadonlySet<Operation['kind']> = new Set(['start-run', 'record', 'join']);

/** Where nothing was done to the fleet, every run completes: a protocol that always gives up would break no other rule. */
export const progress =
  (operations: readonly Operation[]): MakeChecker =>
  ({ report, runs }) => ({
    name: 'progress',
    atEnd() {
      if (!operations.every(({ kind }) => harmless.has(kind))) return;
      const started = operations.filter(({ kind }) => kind === 'start-run').length;
      if (runs.size !== started) report(`${started} runs were asked for, ${runs.size} started`);
      for (const [runId, events] of runs) {
        const last = events.findLast(({ event }) => event.kind === 'run-ended')?.event;
        if (last?.kind === 'run-ended' && last.state !== 'completed')
          report(`run ${runId} ${last.state}: ${last.reason}`);
        const abandoned = events.find(({ event }) => event.kind === 'round-abandoned')?.event;
        if (abandoned?.kind === 'round-abandoned')
          report(`a round of ${runId} was abandoned: ${abandoned.reason}`);
      }
    },
  });
