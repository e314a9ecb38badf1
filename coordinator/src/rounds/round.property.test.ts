import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeviceId } from '../ids.js';
import { advance, count, createRoundDrive, fleet, settings } from '../testing/round-drive.js';
import { artifact } from '../testing/values.js';
import { admissible, evolveRound, isLive, type RoundState, wakeAtMs } from './index.js';

const commit = {
  kind: 'commit',
  checkpoint: artifact('0'),
  strategyState: null,
  bytesDownloaded: 0,
  secure: null,
} as const;

/** What may happen to a round from outside, in any order: most of it out of place. */
const stimulus = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 500 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('arrive' as const), device: fc.nat(fleet.length - 1) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('upload' as const),
      devices: fc.array(fc.nat(fleet.length - 1), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), device: fc.nat(fleet.length - 1) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'stop' as const }) },
);

test('under any order of events: one commit at most, each device counted once, and every attempt ends', () => {
  fc.assert(
    fc.property(fc.array(stimulus, { maxLength: 60 }), (stimuli) => {
      const drive = createRoundDrive();
      const waiting = new Set<DeviceId>();
      let nowMs = 0;
      let counted = new Set<DeviceId>();
      const check = (): void => {
        const state: RoundState = drive.state();
        const now = 'counted' in state ? new Set(state.counted.keys()) : new Set<DeviceId>();
        if (state.stage !== 'abandoned') {
          for (const device of counted) expect(now.has(device)).toBe(true);
          counted = now;
        }
        if ('cohort' in state) for (const device of now) expect(state.cohort.has(device)).toBe(true);
        if ('updatesWanted' in state) expect(now.size).toBeLessThanOrEqual(state.updatesWanted);
        if (state.stage === 'aggregate' || state.stage === 'committed') {
          expect(now.size).toBeGreaterThanOrEqual(settings.updatesMin);
        }
      };
      const tick = (): void => {
        drive.apply(advance(nowMs, [...waiting]));
      };
      for (const each of stimuli) {
        switch (each.kind) {
          case 'wait':
            nowMs += each.ms;
            tick();
            break;
          case 'arrive':
            waiting.add(fleet[each.device]);
            tick();
            break;
          case 'upload': {
            const state = drive.state();
            const devices = each.devices.map((device) => fleet[device]);
            // As the intake does: only what is admissible is folded and offered.
            if (state.stage === 'collect') drive.apply(count(nowMs, ...admissible(state, devices)));
            break;
          }
          case 'fail':
            drive.apply({
              kind: 'fail-device',
              nowMs,
              deviceId: fleet[each.device],
              reason: 'training',
              message: '',
            });
            break;
          case 'commit':
            drive.apply({ ...commit, nowMs });
            break;
          case 'stop':
            drive.apply({ kind: 'abandon', nowMs, code: 'RUN_STOPPED', reason: 'stopped.' });
            break;
        }
        check();
      }
      for (let wakes = 0; isLive(drive.state()); wakes += 1) {
        expect(wakes).toBeLessThan(20);
        nowMs = wakeAtMs(drive.state(), nowMs, 0) ?? nowMs;
        tick();
        if (drive.state().stage === 'aggregate') {
          drive.apply({ ...commit, nowMs });
        }
        check();
      }
      const ends = drive.log.filter(({ kind }) => kind === 'round-committed' || kind === 'round-abandoned');
      expect(ends).toHaveLength(1);
      expect(drive.log.at(-1)).toBe(ends[0]);
      // The log is all there is: folding it again gives the same state.
      expect(drive.log.reduce<RoundState | null>(evolveRound, null)).toEqual(drive.state());
    }),
    { numRuns: 400 },
  );
});
