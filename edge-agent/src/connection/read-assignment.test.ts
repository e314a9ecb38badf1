import type { Assignment, DeviceNoise, SecureAggregationSettings, UpdatePrivacy } from '@starling/proto';
import { expect, test } from 'vitest';
import { defaultWorkLimits, readAssignment, type WorkLimits } from './read-assignment.js';

const contract = {
  features: [{ name: 'x', dataType: 'float32', shape: [], range: [-1, 1] }],
  target: { kind: 'class', name: 'side', classes: 2 },
};

const noise: DeviceNoise = { mechanism: 'skellam', noiseStddevSteps: 200, sampling: 1 };

/** 5 of 5 devices add 200 steps each: 3.35 times the clipping bound of 124 steps, or a little above. */
const privacy: UpdatePrivacy = {
  kind: 'distributed',
  epsilon: 8,
  delta: 1e-5,
  clipBound: 1,
  countWithinBound: false,
  noiseMultiplier: 3,
  deviceNoise: noise,
};

const secure: SecureAggregationSettings = {
  cohortMinimum: 5,
  cohortMaximum: 5,
  corruptFraction: 0,
  dropoutFraction: 0,
  securityBits: 20,
  correctnessBits: 10,
  parameterCount: 256,
  encoding: { bits: 6, clipNorm: 1, rotation: { kind: 'hadamard', value: { agreement: 1 } } },
  weightMaximum: 1,
  metrics: [],
  rotationSeed: new Uint8Array(32),
  weighting: 'uniform',
  encodingReports: false,
};

/** What is made of an assignment with other privacy, or summed otherwise. */
function answer(
  privacyChanges: Partial<UpdatePrivacy>,
  secureChanges: Partial<SecureAggregationSettings> | null = {},
  limits: Partial<WorkLimits> = {},
): string {
  const artifact = { sha256: new Uint8Array(32), sizeBytes: 5 };
  const wire: Assignment = {
    round: { runId: 'run-1', round: 1, attempt: 1 },
    purpose: 'train',
    taskName: 'sides',
    planManifest: artifact,
    checkpoint: artifact,
    featureContractJson: JSON.stringify(contract),
    training: {
      epochs: 1,
      learningRate: 0.1,
      seed: 1,
      examplesMax: 0,
      encoding: { kind: { kind: 'float32', value: {} } },
      privacy: { ...privacy, ...privacyChanges },
    },
    deadlineMs: 1000,
    ...(secureChanges && { secureAggregation: { ...secure, ...secureChanges } }),
  };
  const directive = readAssignment(wire, { ...defaultWorkLimits, ...limits });
  return directive.kind === 'unacceptable' ? `${directive.reason}: ${directive.message}` : directive.kind;
}

test('a round whose devices add the noise that it promises is accepted', () => {
  expect(answer({})).toBe('work');
  expect(answer({ deviceNoise: { ...noise, mechanism: 'discreteGaussian' } })).toBe('work');
});

test('noise that is not worth what is promised is refused by name', () => {
  expect(answer({ deviceNoise: { ...noise, noiseStddevSteps: 150 } })).toMatch(
    /^refused: noise-below-promise: .* of 5 devices.* is promised/,
  );
  expect(answer({}, { cohortMinimum: 3 })).toMatch(/^refused: noise-below-promise: .* of 3 devices/);
  expect(answer({}, { corruptFraction: 0.4 })).toMatch(/^refused: noise-below-promise: .* of 3 devices/);
  expect(answer({ epsilon: 0.5 })).toMatch(/^refused: noise-below-promise: one round .* at most 0.5/);
});

test('whatever the noise is not for is refused by name', () => {
  expect(answer({ countWithinBound: true })).toMatch(/^refused: noise-bypassed/);
  expect(answer({}, { encodingReports: true })).toMatch(/^refused: noise-bypassed/);
  expect(answer({}, { weighting: 'byExamples' })).toMatch(/^refused: noise-bypassed/);
  expect(answer({ clipBound: 2 })).toMatch(/^refused: noise-bypassed/);
  const metrics = [{ name: 'loss', minimum: 0, maximum: 100, bits: 30 }];
  expect(answer({}, { metrics })).toMatch(/^refused: noise-bypassed/);
  // Without masks, no part of a sum hides anything.
  expect(answer({}, null)).toMatch(/^refused: noise-without-masks/);
});

test('noise that is no noise is refused', () => {
  expect(answer({ deviceNoise: undefined })).toMatch(/^plan: .*noise of a kind/);
  expect(answer({ deviceNoise: { ...noise, mechanism: 'unspecified' } })).toMatch(/^plan: .*noise of a kind/);
  for (const noiseStddevSteps of [0, -1, Number.NaN, 2 ** 17]) {
    expect(answer({ deviceNoise: { ...noise, noiseStddevSteps } })).toMatch(/^plan: .*noise of .* steps/);
  }
  for (const sampling of [0, 1.1, Number.NaN]) {
    expect(answer({ deviceNoise: { ...noise, sampling } })).toMatch(/^plan: .*share of/);
  }
});

test("a round in the clear is held to the device's policy as one under masks is", () => {
  const central = { kind: 'central', noiseMultiplier: 1, deviceNoise: undefined } as const;
  const clear = (changes: Partial<UpdatePrivacy>, limits: Partial<WorkLimits>): string =>
    answer({ ...central, ...changes }, null, limits);
  const allows = (require: 'none' | 'central' | 'distributed', epsilonMaximum = 8, deltaMaximum = 1e-5) => ({
    privacy: { require, epsilonMaximum, deltaMaximum },
  });
  expect(clear({}, {})).toBe('work');
  expect(clear({}, allows('central'))).toBe('work');
  expect(clear({ epsilon: 8.1 }, allows('central'))).toMatch(/^refused: privacy-below-policy: .*ε = 8.1/);
  expect(clear({ delta: 1e-4 }, allows('central'))).toMatch(/^refused: privacy-below-policy: .*δ = 0.0001/);
  expect(clear({}, allows('distributed'))).toMatch(/^refused: privacy-below-policy: .*offers central noise/);
  expect(clear({}, { secureAggregationRequired: true })).toMatch(/^refused: secure-aggregation-required/);
});

test('a round without noise is refused by a device that wants some, whatever it is asked for', () => {
  const artifact = { sha256: new Uint8Array(32), sizeBytes: 5 };
  const common = {
    round: { runId: 'run-1', round: 1, attempt: 1 },
    taskName: 'sides',
    planManifest: artifact,
    checkpoint: artifact,
    featureContractJson: JSON.stringify(contract),
    deadlineMs: 1000,
  };
  const encoding = { kind: { kind: 'float32', value: {} } } as const;
  const training = { epochs: 1, learningRate: 0.1, seed: 1, examplesMax: 0, encoding };
  const analytics = {
    queryJson: '{"column":"x","statistic":{"kind":"count"},"valuesMax":1}',
    seed: 1,
    encoding,
  };
  const limits = {
    ...defaultWorkLimits,
    privacy: { require: 'central', epsilonMaximum: 8, deltaMaximum: 1 },
  } as const;
  const wires: readonly Assignment[] = [
    { ...common, purpose: 'train', training },
    { ...common, purpose: 'analyze', analytics },
    { ...common, purpose: 'evaluate' },
  ];
  for (const wire of wires) {
    expect(readAssignment(wire, defaultWorkLimits)).toMatchObject({ kind: 'work' });
    expect(readAssignment(wire, limits)).toMatchObject({
      kind: 'unacceptable',
      reason: 'refused',
      message: expect.stringMatching(/^privacy-below-policy: the round offers none noise/),
    });
  }
});
