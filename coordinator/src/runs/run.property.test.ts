import fc from 'fast-check';
import { expect, test } from 'vitest';
import { wakeAtMs } from '../rounds/index.js';
import { createDrive, fleet, startedWith } from '../testing/run-drive.js';
import { roundSettings as round } from '../testing/values.js';
import { evolveRun, liveRound, type RunState } from './index.js';

const stimulus = fc.oneof(
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 900 }) }),
  fc.record({ kind: fc.constant('upload' as const), devices: fc.subarray(fleet, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('fail' as const), device: fc.constantFrom(...fleet) }),
  fc.constant({ kind: 'commit' as const }),
  fc.constant({ kind: 'measure' as const }),
  fc.constant({ kind: 'stop' as const }),
  fc.constant({ kind: 'resume' as const }),
);

test('under any order of events: rounds are committed once and in order, keys never repeat, and every run ends', () => {
  const settings = {
    rounds: 3,
    federatedEvaluation: { everyRounds: 2, round },
    centralEvaluation: { everyRounds: 1 },
  };
  fc.assert(
    fc.property(fc.array(stimulus, { maxLength: 80 }), (stimuli) => {
      const drive = createDrive(startedWith(settings));
      const measure = (): void => {
        for (const due of drive.state().evaluationsDue) {
          const metrics = [{ name: 'accuracy', value: 0.5, source: 'central', weight: 1 } as const];
          drive.apply({ kind: 'measured-centrally', nowMs: drive.nowMs(), round: due.round, metrics });
        }
      };
      drive.advance();
      for (const each of stimuli) {
        const nowMs = drive.nowMs();
        if (each.kind === 'wait') drive.wait(each.ms);
        else if (each.kind === 'upload') drive.count(each.devices);
        else if (each.kind === 'fail')
          drive.apply({ kind: 'fail-device', nowMs, deviceId: each.device, reason: 'plan', message: '' });
        else if (each.kind === 'commit') drive.commit();
        else if (each.kind === 'measure') measure();
        else drive.apply({ kind: each.kind, nowMs });
        drive.advance();
      }
      // Left alone, with devices that come and nothing that fails, a running run ends.
      for (let turns = 0; drive.state().kind === 'running'; turns += 1) {
        expect(turns).toBeLessThan(50);
        const live = liveRound(drive.state());
        const wakeMs = live && wakeAtMs(live, drive.nowMs(), 0);
        if (wakeMs !== undefined) drive.wait(Math.max(0, wakeMs - drive.nowMs()));
        drive.count(fleet);
        drive.commit();
        measure();
        drive.advance();
      }
      const trained = drive.log.flatMap((event, index) => {
        if (event.kind !== 'round-committed') return [];
        const opened = drive.log.slice(0, index).findLast((other) => other.kind === 'round-started');
        return opened?.kind === 'round-started' && opened.purpose === 'train' ? [event.key.round] : [];
      });
      expect(trained).toEqual(trained.map((_, index) => index + 1));
      expect(drive.state().roundsCommitted).toBe(trained.length);
      const keys = drive.log.flatMap((event) =>
        event.kind === 'round-started' ? [`${event.key.round}-${event.key.attempt}`] : [],
      );
      expect(new Set(keys).size).toBe(keys.length);
      const open = drive.log.filter(({ kind }) => kind === 'round-started').length;
      const ended = drive.log.filter(({ kind }) => kind === 'round-committed' || kind === 'round-abandoned');
      expect(ended).toHaveLength(open);
      expect(drive.log.reduce<RunState | null>(evolveRun, null)).toEqual(drive.state());
    }),
    { numRuns: 300 },
  );
});
