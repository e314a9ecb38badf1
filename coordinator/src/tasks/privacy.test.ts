import { expect, test } from 'vitest';
import { CoordinatorError } from '../errors.js';
import type { TaskDefinition } from './definition.js';
import { parseTaskFile } from './parse.js';
import * as privacy from './privacy.js';
import { runSettingsOf } from './run-settings.js';

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

/** Of the model above. */
const parameterCount = 15;
const privacySettingsOf = (task: TaskDefinition) => privacy.privacySettingsOf(task, parameterCount);
const privacyAdvice = (task: TaskDefinition) => privacy.privacyAdvice(task, parameterCount);

/** Of central noise. */
function multiplierOf(settings: ReturnType<typeof privacySettingsOf>): number | undefined {
  return settings?.mechanism.kind === 'gaussian' ? settings.mechanism.noiseMultiplier : undefined;
}

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
  expect(multiplierOf(settings)).toBeCloseTo(2.684, 2);
  expect(settings?.updateNoiseMultiplier).toBe(multiplierOf(settings));
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
  expect(multiplierOf(settings)).toBe(1);
  expect(settings?.updateNoiseMultiplier).toBeCloseTo((1 - 1 / 100) ** -0.5, 12);
});

test.each(['skellam', 'discrete-gaussian'] as const)(
  'distributed %s noise is sized for those who may be missing, and costs little more than central noise',
  (mechanism) => {
    const settings = privacySettingsOf(
      taskWith(
        `privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1.5, mechanism: ${mechanism} }`,
      ),
    );
    const central = privacySettingsOf(
      taskWith('privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1.5, accountant: rdp }'),
    );
    expect(settings?.deviceNoise).toMatchObject({ mechanism, sampling: 1 });
    const ratio = (settings?.updateNoiseMultiplier ?? 0) / (central?.updateNoiseMultiplier ?? 1);
    expect(ratio).toBeGreaterThan(1);
    expect(ratio).toBeLessThan(1.03);
    const steps = (settings?.updateNoiseMultiplier ?? 0) * 1.5;
    // 100 are asked and 100 must answer, of whom 10 may tell the coordinator their noise: 90 make it up.
    const step = (4 * 1.5) / Math.sqrt(8) / 31;
    expect(settings?.deviceNoise?.noiseStddevSteps).toBeCloseTo(steps / step / Math.sqrt(90), 6);
  },
);

test('a population is claimed of cohorts without replacement: dearer than coins, and by Rényi divergences only', () => {
  const claimed = 'privacy: { kind: central, epsilon: 2, delta: 1.0e-6, clip: 1, population: 1000';
  const task = taskWith(`${claimed} }`);
  const settings = privacySettingsOf(task);
  expect(settings).toMatchObject({
    accountant: 'rdp',
    mechanism: { kind: 'gaussian', sampling: 0.1, scheme: 'fixed-size' },
  });
  const everybody = privacySettingsOf(
    taskWith('privacy: { kind: central, epsilon: 2, delta: 1.0e-6, clip: 1, accountant: rdp }'),
  );
  expect(multiplierOf(settings)).toBeLessThan(0.6 * (multiplierOf(everybody) ?? 0));
  expect(runSettingsOf(task, parameterCount).train.shareMax).toBe(0.1);
  expect(runSettingsOf(taskWith(''), parameterCount).train.shareMax).toBeUndefined();
  expect(refusalOf(`${claimed}, accountant: pld }`)).toMatch(/privacy: .*without replacement.*RDP/);
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
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1 }\nsecureAggregation: none',
    /privacy\.kind.*without masks the coordinator sees each update.*use central/,
  ],
  [
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: adaptive }',
    /privacy\.clip.*what each device adds.*fixed bound, or use central/,
  ],
  [
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1, accountant: pld }',
    /privacy\.accountant/,
  ],
  [
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1, mechanism: gaussian }',
    /privacy\.mechanism/,
  ],
  [
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1, noise: 4000 }\nsecureAggregation: { encoding: { bits: 16 } }',
    /privacy\.noise.*at most 65536 can be drawn.*\d+ bits less/,
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

test('noise that the ring has no room for is refused with what would fit', () => {
  const large = open.replace('size: 100', 'size: 2000');
  const noise =
    'privacy: { kind: distributed, epsilon: 8, delta: 1.0e-5, clip: 1, noise: 18000, mechanism: discrete-gaussian }\n';
  expect(() =>
    parseTaskFile(`${large}${noise}secureAggregation: { encoding: { bits: 16 } }`, '/tasks'),
  ).toThrow(
    /secureAggregation\.encoding.*noise of [\d.]+ steps each takes 33 bits, but the ring has at most 32; encode with 1 bits less/,
  );
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
