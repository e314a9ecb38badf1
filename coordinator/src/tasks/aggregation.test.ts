import { expect, test } from 'vitest';
import { parseTaskFile } from './parse.js';
import { runSettingsOf } from './run-settings.js';
import { secureRoundSettings } from './secure-settings.js';

const open = (aggregation: string, size = 30, more = '') => `
name: kinds
model: { kind: sequential, inputShape: [4], layers: [{ kind: dense, units: 3 }] }
contract:
  features: [{ name: reading, dataType: float32, shape: [4], range: [-16, 16] }]
  target: { kind: class, name: kind, classes: 3 }
training: { loss: softmax-cross-entropy, learningRate: 0.1 }
strategy: { kind: fedavg, aggregation: ${aggregation} }
cohort: { size: ${size} }
stop: { rounds: 20 }
${more}`;

test('groups divide cohort and smallest cohort, of training rounds alone', () => {
  const text = open(
    '{ kind: median, groups: 5 }',
    30,
    'evaluation: { federated: { holdout: 0.1, cohort: { size: 30 } } }',
  );
  const task = parseTaskFile(text, '/tasks');
  expect(task.strategy.weighting).toBe('uniform');
  const settings = runSettingsOf(task, 15);
  expect(settings.train.secure?.groups).toBe(5);
  expect(settings.federatedEvaluation?.round.secure?.groups).toBeUndefined();
  const secure = secureRoundSettings(task, task.cohort, 15, [], 5);
  expect(secure).toMatchObject({ cohortMinimum: 6, layout: { cohort: 6 } });
});

test.each([
  [
    'median',
    30,
    '',
    /strategy\.aggregation.*secure aggregation hides them.*groups: 5.*or set "secureAggregation" to none/,
  ],
  ['{ kind: krum, byzantine: 2 }', 30, '', /strategy\.aggregation.*is krum, which needs single updates/],
  ['{ kind: median, groups: 2 }', 30, '', /strategy\.aggregation.*over 2 groups.*nobody below 3/],
  [
    '{ kind: trimmed-mean, share: 0.1, groups: 5 }',
    30,
    '',
    /strategy\.aggregation.*over 5 groups.*nobody below 10/,
  ],
  [
    '{ kind: median, groups: 5 }',
    9,
    '',
    /cohort\.minimum.*is 9, which leaves a group of one among 5.*at least 10/,
  ],
  ['{ kind: median, groups: 5 }', 30, 'secureAggregation: none', /strategy\.aggregation.*leave "groups" out/],
  [
    '{ kind: median, groups: 5 }',
    30,
    'privacy: { kind: central, epsilon: 8, delta: 1.0e-5, clip: 1 }',
    /strategy\.aggregation.*accounted for sums only/,
  ],
])('%s of %i devices %s is refused with a way out', (aggregation, size, more, expected) => {
  expect(() => parseTaskFile(open(aggregation, size, more), '/tasks')).toThrow(expected);
});
