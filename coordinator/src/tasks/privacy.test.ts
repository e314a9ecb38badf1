import { expect, test } from 'vitest';
import { CoordinatorError } from '../errors.js';
import { parseTaskFile } from './parse.js';
import { privacyAdvice, privacySettingsOf } from './privacy.js';

const open = `
name: kinds
model: { kind: sequential, inputShape: [4], layers: [{ kind: dense, units: 3 }] }
contract:
  features: [{ name: reading, dataType: float32, shape: [4], range: [-16, 16] }]
  target: { kind: class, name: kind, classes: 3 }
training: { loss: softmax-cross-entropy, learningRate: 0.1 }
cohort: { size: 100 }
stop: { rounds: 20 }
`;

const taskWith = (text: string) => parseTaskFile(open + text, '/tasks');

function refusalOf(text: string): string {
  try {
    taskWith(text);
  } catch (error) {
    if (error instanceof CoordinatorError && error.code === 'TASK_INVALID') return error.refusal.message;
    throw error;
  }
  throw new Error('the task was accepted');
}

test('a task promises nothing unless it says so', () => {
  const task = taskWith('');
  expect(task.privacy).toEqual({ kind: 'none' });
  expect(privacySettingsOf(task)).toBeNull();
  expect(privacyAdvice(task)).toEqual([]);
});

test('a few words are enough: noise is calibrated for all rounds, and every update weighs the same', () => {
  const task = taskWith('privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1.5 }');
  expect(task.strategy).toMatchObject({ kind: 'fedavg', weighting: 'uniform' });
  expect(task.privacy).toMatchObject({ accountant: 'pld', noise: { kind: 'calibrated', rounds: null } });
  const settings = privacySettingsOf(task);
  expect(settings?.clipping).toEqual({ kind: 'fixed', bound: 1.5 });
  // By Google's dp-accounting, 20 rounds of a Gaussian of 2.684 spend ε = 8 at δ = 1e-5.
  expect(settings?.mechanism.noiseMultiplier).toBeCloseTo(2.684, 2);
  expect(settings?.updateNoiseMultiplier).toBe(settings?.mechanism.noiseMultiplier);
  expect(privacyAdvice(task)).toEqual([]);
});

test('an adaptive bound shares the round with its count: the update gets a little more noise', () => {
  const task = taskWith(
    'privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: adaptive, noise: 1, accountant: rdp }',
  );
  const settings = privacySettingsOf(task);
  const countStddev =
    settings?.clipping.kind === 'adaptive' ? settings.clipping.start.settings.countStddev : 0;
  expect(countStddev).toBe(5);
  expect(settings?.mechanism.noiseMultiplier).toBe(1);
  expect(settings?.updateNoiseMultiplier).toBeCloseTo((1 - 1 / 100) ** -0.5, 12);
});

test('amplification by sampling is claimed only where the task names the population', () => {
  const sampling = (population: string) =>
    privacySettingsOf(
      taskWith(`privacy: { kind: central, epsilon: 2, delta: 1.0e-6, clip: 1, noise: 1${population} }`),
    )?.mechanism.sampling;
  expect(sampling('')).toBe(1);
  expect(sampling(', population: 1000')).toBe(0.1);
  expect(sampling(', population: 50')).toBe(1);
});

test.each([
  [
    'privacy: { kind: central, epsilon: 8, delta: 1.0e-5 }',
    /privacy\.clip.*noise hides a device only where.*clip: 1/,
  ],
  ['privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 0 }', /privacy\.clip/],
  ['privacy: { kind: central, epsilon: 0, delta: 1.0e-5, clip: 1 }', /privacy\.epsilon/],
  ['privacy: { kind: central, epsilon: 8, delta: 1, clip: 1 }', /privacy\.delta/],
  ['privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1, nois: 1 }', /did you mean "noise"/],
  [
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1 }',
    /privacy\.kind.*nothing would hide anyone; use central/,
  ],
  ['privacy: local', /must be one of none, central, distributed/],
  [
    'privacy: { kind: central, epsilon: 1.0e-9, delta: 1.0e-12, clip: 1, accountant: rdp }',
    /privacy\.epsilon.*No noise multiplier/,
  ],
  [
    'privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: { kind: adaptive, countStddev: 0.1 } }',
    /privacy\.clip.*count alone costs more/,
  ],
  [
    'privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1 }\nstrategy: { kind: fedavg, weighting: by-examples }',
    /strategy\.weighting.*must be uniform/,
  ],
  [
    'privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1 }\nevaluation: { federated: { holdout: 0.1 } }',
    /evaluation\.federated.*no noise protects/,
  ],
])('%s is refused with a remedy', (text, expected) => {
  expect(refusalOf(text).replaceAll('\n', ' ')).toMatch(expected);
});

test('what is allowed and makes no sense is warned of', () => {
  const advice = (text: string) => privacyAdvice(taskWith(text)).map(({ code }) => code);
  expect(advice('privacy: { kind: central, epsilon: 50, delta: 1.0e-5, clip: 1 }')).toContain(
    'no-meaningful-privacy',
  );
  expect(advice('privacy: { kind: central, epsilon: 8, delta: 0.01, clip: 1 }')).toContain('large-delta');
  expect(advice('privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1, noise: 1 }')).toEqual([
    'little-noise',
  ]);
});
