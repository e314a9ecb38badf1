import type { RecordedReleases } from '../follow-releases.js';
import type { Operation } from '../operation.js';
import { releaseName } from '../publish.js';
import type { MakeChecker } from './checker.js';

const harmless: ReadonlySet<Operation['kind']> = new Set(['start-run', 'record', 'join', 'release']);

/** Where nothing was done to the fleet, every run completes: a protocol that always gives up would break no other rule. */
export const progress =
  (operations: readonly Operation[], { signed }: RecordedReleases): MakeChecker =>
  ({ report, runs, world }) => ({
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
      const only = signed.size === 1 ? signed.get(1) : undefined;
      if (only === undefined) return;
      const expected = only.manner === 'good' ? 1 : 0;
      for (const device of world.devices.keys()) {
        const version = world.life(device)?.releases()?.models[releaseName]?.active?.version ?? 0;
        if (version !== expected)
          report(`${device} serves version ${version} of a release that is ${only.manner}`);
      }
    },
  });
