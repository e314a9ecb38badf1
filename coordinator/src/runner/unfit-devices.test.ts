import { expect, test } from 'vitest';
import type { FailureReason } from '../rounds/index.js';
import type { RunEvent } from '../runs/index.js';
import { deviceId, runId } from '../testing/values.js';
import { createUnfitDevices } from './unfit-devices.js';

const [a, b, c] = ['a', 'b', 'c'].map(deviceId);

function failure(device: typeof a, reason: FailureReason, round: number): RunEvent {
  const key = { runId: runId('r'), round, attempt: 1 };
  return { kind: 'device-failed', atMs: 0, key, deviceId: device, reason, message: '' };
}

test('leaves out devices whose examples or runtime do not fit, and asks them again ten rounds later', () => {
  const unfit = createUnfitDevices();
  unfit.note([failure(a, 'examples', 3), failure(b, 'plan', 4)]);
  expect(unfit.leaveOut([a, b, c], 4)).toEqual([c]);
  expect(unfit.leaveOut([a, b, c], 13)).toEqual([a, c]);
  expect(unfit.leaveOut([a, b, c], 14)).toEqual([a, b, c]);
});

test('asks devices again at once whose failure was a passing one', () => {
  const unfit = createUnfitDevices();
  unfit.note([failure(a, 'examples', 1), failure(b, 'interrupted', 1), failure(c, 'training', 1)]);
  expect(unfit.leaveOut([a, b, c], 1)).toEqual([b, c]);
});
