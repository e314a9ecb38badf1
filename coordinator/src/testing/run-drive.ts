/** A run's state machine driven without I/O. */
import type { DeviceId } from '../ids.js';
import { admissible, type Contribution, isExchanging } from '../rounds/index.js';
import {
  decideRun,
  evolveRun,
  liveRound,
  type RunCommand,
  type RunEffect,
  type RunEvent,
  type RunSettings,
  type RunStarted,
  type RunState,
} from '../runs/index.js';
import { artifact, deviceId, runStarted } from './values.js';

export const fleet = ['a', 'b', 'c', 'd'].map(deviceId);
export const checkpoint = artifact('0');

export function startedWith(changes: Partial<RunSettings> = {}): RunStarted {
  const started = runStarted('run');
  return { ...started, settings: { ...started.settings, ...changes } };
}

/** A driver without I/O: effects pile up until the test carries them out. */
export function createDrive(started: RunStarted) {
  let state: RunState = evolveRun(null, started);
  const log: RunEvent[] = [started];
  const effects: RunEffect[] = [];
  let nowMs = 0;
  const apply = (command: RunCommand) => {
    const decision = decideRun(state, command);
    if (decision.kind === 'accepted') {
      for (const event of decision.events) {
        state = evolveRun(state, event);
        log.push(event);
      }
      effects.push(...decision.effects);
    }
    return decision;
  };
  const drive = {
    state: () => state,
    log,
    effects,
    apply,
    nowMs: () => nowMs,
    wait(ms: number) {
      nowMs += ms;
    },
    /** As the shell does: asks until nothing follows. */
    advance(candidates: readonly DeviceId[] = fleet) {
      for (let turns = 0; turns < 100; turns += 1) {
        const command = {
          kind: 'advance',
          nowMs,
          candidates,
          expected: candidates.length,
          lastArrivalAtMs: 0,
        } as const;
        const decision = apply(command);
        if (decision.kind === 'refused' || decision.events.length === 0) return;
      }
      throw new Error('the run goes round in circles');
    },
    /** Starts the round that is due as one that was paid for. */
    pay(epsilon: number) {
      const nobody = { candidates: [], expected: 0, lastArrivalAtMs: 0 };
      apply({ kind: 'advance', nowMs, ...nobody, payment: { kind: 'paid', epsilon } });
    },
    count(devices: readonly DeviceId[]) {
      const live = liveRound(state);
      if (live?.stage !== 'collect') return;
      const contributions = admissible(live, devices).map(
        (device): Contribution => ({
          deviceId: device,
          payloadBytes: 4,
          metrics: { weight: 2, sums: { loss: 1, accuracy: 1 } },
        }),
      );
      apply({ kind: 'count', nowMs, contributions, partialSum: null });
    },
    /** What a stage of secure aggregation asks of these devices. */
    answer(devices: readonly DeviceId[]) {
      const live = liveRound(state);
      if (live === undefined || !isExchanging(live)) return;
      apply({ kind: 'answer', nowMs, stage: live.stage, devices, suffices: live.stage === 'unmask' });
    },
    commit() {
      return apply({
        kind: 'commit',
        nowMs,
        checkpoint,
        strategyState: null,
        bytesDownloaded: 5,
        secure: null,
      });
    },
    /** One whole attempt that succeeds. */
    succeed() {
      drive.advance();
      drive.count(fleet);
      drive.commit();
      drive.advance();
    },
  };
  return drive;
}
