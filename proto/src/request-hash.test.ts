import { expect, test } from 'vitest';
import { type Assignment, requestHash, type UpdatePrivacy } from './index.js';

const artifact = (fill: number) => ({ sha256: new Uint8Array(32).fill(fill), sizeBytes: 40 });
const privacy: UpdatePrivacy = {
  ...{ kind: 'central', epsilon: 8, delta: 1e-5, clipBound: 1, countWithinBound: false, noiseMultiplier: 2 },
};
const encoding = { kind: { kind: 'float32', value: {} } } as const;

const asked: Assignment = {
  round: { runId: 'run-1', round: 1, attempt: 1 },
  purpose: 'train',
  taskName: 'sides',
  planManifest: artifact(1),
  checkpoint: artifact(2),
  featureContractJson: '{}',
  training: { epochs: 1, learningRate: 0.1, seed: 7, examplesMax: 0, encoding, privacy },
  evaluation: { holdoutPermille: 100 },
  analytics: { queryJson: '{"kind":"count"}', seed: 7, encoding, privacy },
  deadlineMs: 1000,
  signature: {
    ...{ ownerKey: new Uint8Array(32), signature: new Uint8Array(64), taskVersion: 1, termsJson: '{}' },
  },
  secureAggregation: {
    ...{ cohortMinimum: 5, cohortMaximum: 9, corruptFraction: 0.1, dropoutFraction: 0.1 },
    ...{ securityBits: 40, correctnessBits: 20, parameterCount: 256, weightMaximum: 1 },
    encoding: { bits: 6, clipNorm: 1, rotation: { kind: 'hadamard', value: { agreement: 1 } } },
    metrics: [{ name: 'loss', minimum: 0, maximum: 9, bits: 8 }],
    rotationSeed: new Uint8Array(32),
    weighting: 'uniform',
    encodingReports: false,
  },
};

const hex = (assignment: Assignment): string => Buffer.from(requestHash(assignment)).toString('hex');

/** Every way to change one value of `value`, whole. */
function* changes(value: unknown): Generator<unknown> {
  if (typeof value === 'number') yield value + 1;
  else if (typeof value === 'boolean') yield !value;
  else if (value instanceof Uint8Array)
    yield Uint8Array.from(value, (byte, i) => (i === 0 ? byte ^ 1 : byte));
  else if (typeof value === 'string') yield other[value] ?? `${value}x`;
  else if (Array.isArray(value)) for (const each of changes(value[0])) yield [each];
  else if (typeof value === 'object' && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      // The kind of a choice comes with its value.
      if (key === 'kind' && 'value' in value) continue;
      for (const changed of changes(part)) yield { ...value, [key]: changed };
    }
  }
}

const other: Readonly<Record<string, string>> = {
  train: 'evaluate',
  central: 'distributed',
  uniform: 'byExamples',
};

test('whatever a device alone is asked changes the hash, and each device’s own does not', () => {
  const seen = new Set([hex(asked)]);
  let count = 1;
  for (const [key, value] of Object.entries(asked)) {
    if (key === 'round' || key === 'deadlineMs') continue;
    for (const changed of changes(value)) {
      const assignment = { ...asked, [key]: changed } as Assignment;
      const isOwn = assignment.training?.seed !== 7 || assignment.analytics?.seed !== 7;
      if (isOwn) {
        expect(hex(assignment)).toBe(hex(asked));
        continue;
      }
      seen.add(hex(assignment));
      count += 1;
      expect(seen.size, `${key}: ${JSON.stringify(changed)}`).toBe(count);
    }
  }
  expect(count).toBeGreaterThan(45);
  const again = { ...asked, round: { runId: 'run-1', round: 1, attempt: 2 }, deadlineMs: 5 };
  expect(hex(again)).toBe(hex(asked));
});

test('the hash is of numbers as the wire has them', () => {
  const training = { epochs: 1, seed: 7, examplesMax: 0, encoding, privacy };
  expect(hex({ ...asked, training: { ...training, learningRate: 0.1 } })).toBe(
    hex({ ...asked, training: { ...training, learningRate: Math.fround(0.1) } }),
  );
});
