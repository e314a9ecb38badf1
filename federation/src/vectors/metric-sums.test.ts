import { expect, test } from 'vitest';
import { createSeededEntropy, shuffle, uniform } from '../ports/index.js';
import {
  emptyMetricSums,
  type MetricSums,
  mergeContributions,
  mergeMetricSums,
  metricMeans,
} from './metric-sums.js';

const refused = expect.objectContaining({ name: 'VectorError', code: 'invalid-metrics' });

test('means are sums over weights', () => {
  const total = [
    { weight: 100, sums: { loss: 50, correct: 90 } },
    { weight: 300, sums: { loss: 30, correct: 150 } },
  ].reduce(mergeMetricSums, emptyMetricSums(['loss', 'correct']));
  expect(total).toEqual({ weight: 400, sums: { loss: 80, correct: 240 } });
  expect(metricMeans(total)).toEqual({ loss: 0.2, correct: 0.6 });
  expect(metricMeans(emptyMetricSums(['loss']))).toEqual({});
});

test('sums do not depend on the order of arrival', () => {
  const random = createSeededEntropy(11);
  const reports = Array.from({ length: 50 }, (_, k): MetricSums => {
    return { weight: 1 + uniform(random) * k, sums: { loss: uniform(random) * 10 ** (k % 6) } };
  });
  const totalOf = (order: readonly MetricSums[]): MetricSums =>
    order.reduce(mergeMetricSums, emptyMetricSums(['loss']));
  const inOrder = totalOf(reports);
  for (let i = 0; i < 20; i += 1) {
    expect(totalOf(shuffle(random, [...reports]))).toEqual(inOrder);
  }
  const plain = reports.reduce((sum, { sums }) => sum + sums.loss, 0);
  expect(Math.abs(inOrder.sums.loss - plain)).toBeLessThan(50 * 2 ** -21 + 1e-9);
});

test('unknown, missing and unusable metrics are refused, the name of a prototype included', () => {
  const total = emptyMetricSums(['loss']);
  const merge = (weight: number, json: string) => () =>
    mergeMetricSums(total, { weight, sums: JSON.parse(json) });
  expect(merge(1, '{"loss": 1, "accuracy": 1}')).toThrow('accuracy');
  expect(merge(1, '{"loss": 1, "__proto__": 1}')).toThrow(refused);
  expect(merge(1, '{}')).toThrow(refused);
  expect(merge(1, '{"loss": 1e999}')).toThrow(refused);
  expect(merge(Number.NaN, '{"loss": 1}')).toThrow(refused);
  expect(merge(-1, '{"loss": 1}')).toThrow(refused);
  expect(merge(Number.POSITIVE_INFINITY, '{"loss": 1}')).toThrow(refused);
});

test('contributions add devices and examples as well', () => {
  const one = { devices: 1, exampleCount: 10, metrics: { weight: 10, sums: { loss: 4 } } };
  expect(mergeContributions(one, one)).toEqual({
    devices: 2,
    exampleCount: 20,
    metrics: { weight: 20, sums: { loss: 8 } },
  });
});
