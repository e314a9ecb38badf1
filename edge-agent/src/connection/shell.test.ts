import { createSeededEntropy, createVirtualClock, type VirtualClock } from '@starling/federation';
import { expect, test } from 'vitest';
import { trainingAssignment } from '../testing/training-assignment.js';
import type { FinishedUpdate } from './assignment.js';
import { defaultMachineSettings } from './draft.js';
import type { SecureParty } from './secure-party.js';
import { runShell } from './shell.js';
import { CallError, type Directive, type Transport } from './transport.js';
import type { Worker } from './worker.js';

const silent = { info() {}, warn() {}, error() {} };
const nothing = { kind: 'come-back', earliestMs: 60_000, latestMs: 90_000, reason: 'Nothing.' } as const;

function unreachable(): never {
  throw new CallError({ kind: 'later', message: 'unreachable', retryAfterMs: 0 });
}

/** Answers check-ins with `answer`; other calls are not expected. */
function transport(answer: () => Directive, others: Partial<Transport> = {}): Transport {
  const unexpected = () => Promise.reject(new Error('not expected'));
  return {
    checkIn: async () => answer(),
    roundState: unexpected,
    async *download() {},
    heldUpload: async () => ({ receivedBytes: 0, counted: false }),
    upload: unexpected,
    reportEvaluation: unexpected,
    reportFailure: unexpected,
    advertiseKeys: unexpected,
    shareKeys: unexpected,
    awaitSurvivors: unexpected,
    signSurvivors: unexpected,
    revealShares: unexpected,
    close() {},
    ...others,
  };
}

const idle: Worker = {
  taskNames: ['task'],
  fetch: async () => {},
  compute: () => Promise.reject(new Error('not expected')),
  async *payload() {},
  discard: async () => {},
  explain: async () => ({ reason: 'training', message: 'It broke.' }),
};

const outsider: SecureParty = {
  join: () => Promise.reject(new Error('not expected')),
  confirm: () => Promise.reject(new Error('not expected')),
  forget: async () => {},
};

function start(seed: number, given: Transport, worker: Worker = idle) {
  const clock = createVirtualClock();
  const entropy = createSeededEntropy(seed);
  const settings = defaultMachineSettings;
  const ports = { clock, entropy, transport: given, worker, party: outsider, log: silent, settings };
  return { clock, shell: runShell({ ...ports, holdMsMax: 0 }, undefined) };
}

/** Moments of the check-ins of one agent while a coordinator is away for two hours. */
async function momentsOfAbsence(seed: number): Promise<readonly number[]> {
  const moments: number[] = [];
  let clock: VirtualClock | undefined;
  const started = start(
    seed,
    transport(() => {
      moments.push(clock?.monotonic() ?? 0);
      return unreachable();
    }),
  );
  clock = started.clock;
  await clock.advanceAsync(2 * 3_600_000);
  started.shell.stop();
  await started.shell.done;
  return moments;
}

test('an agent without its coordinator asks less and less often, at moments of its own', async () => {
  const moments = await momentsOfAbsence(1);
  const gaps = moments.slice(1).map((moment, index) => moment - moments[index]);
  expect(gaps[0]).toBeLessThanOrEqual(500);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(60_000);
  // Uniform in a minute, so about 240 in two hours; four standard deviations are 36.
  expect(Math.abs(moments.length - 247)).toBeLessThan(45);
  const other = await momentsOfAbsence(2);
  expect(other.filter((moment) => moment > 0 && moments.includes(moment))).toEqual([]);
});

test('comes back within the window that the coordinator chose', async () => {
  const moments: number[] = [];
  let clock: VirtualClock | undefined;
  const started = start(
    3,
    transport(() => {
      moments.push(clock?.monotonic() ?? 0);
      return nothing;
    }),
  );
  clock = started.clock;
  await clock.advanceAsync(3_600_000);
  const gaps = moments.slice(2).map((moment, index) => moment - moments[index + 1]);
  expect(gaps.length).toBeGreaterThan(30);
  expect(gaps.every((gap) => gap >= 60_000 && gap <= 90_000)).toBe(true);
  started.shell.stop();
  await expect(started.shell.done).resolves.toEqual({ kind: 'asked' });
});

const assignment = trainingAssignment(10_000);
const update: FinishedUpdate = {
  round: assignment.round,
  taskName: 'task',
  sha256: 'cc',
  bytes: 4,
  exampleCount: 1,
  metrics: { weight: 1, sums: {} },
  trainingMs: 1,
};

test('training is cancelled once the round went on without this device', async () => {
  const directives: Directive[] = [{ kind: 'work', assignment }];
  let cancelled: unknown;
  const worker: Worker = {
    ...idle,
    compute: (_assignment, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          cancelled = signal.reason;
          reject(signal.reason);
        });
      }),
  };
  const { clock, shell } = start(
    4,
    transport(() => directives.shift() ?? nothing, {
      roundState: async () => ({
        stage: 'committed',
        selected: true,
        counted: false,
        deadlineMs: 0,
        reason: '',
      }),
    }),
    worker,
  );
  await clock.advanceAsync(9_000);
  expect(cancelled).toBeUndefined();
  await clock.advanceAsync(3_000);
  expect(cancelled).toBeInstanceOf(DOMException);
  shell.stop();
  await shell.done;
});

test('an update is removed before the next check-in, and uploaded from where the coordinator says', async () => {
  const happened: string[] = [];
  const directives: Directive[] = [{ kind: 'work', assignment }];
  const worker: Worker = {
    ...idle,
    compute: async () => ({ kind: 'update', update }),
    async *payload(_update, offset) {
      happened.push(`payload from ${offset}`);
      yield new Uint8Array(1);
    },
    async discard() {
      await Promise.resolve();
      happened.push('discard');
    },
  };
  const { clock, shell } = start(
    5,
    transport(
      () => {
        happened.push('check-in');
        return directives.shift() ?? nothing;
      },
      {
        heldUpload: async () => ({ receivedBytes: 3, counted: false }),
        async upload(_update, offset, chunks) {
          for await (const chunk of chunks) {
            happened.push(`upload of ${chunk.byteLength} at ${offset}`);
          }
        },
      },
    ),
    worker,
  );
  await clock.advanceAsync(1_000);
  expect(happened).toEqual(['check-in', 'payload from 3', 'upload of 1 at 3', 'discard', 'check-in']);
  shell.stop();
  await shell.done;
});
