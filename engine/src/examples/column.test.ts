import { expect, test } from 'vitest';
import type { ExampleSource } from '../runtimes/runtime.js';
import { findColumn, readColumn } from './column.js';
import type { FeatureContract } from './contract.js';

const contract: FeatureContract = {
  features: [
    { name: 'time', dataType: 'int16', shape: [], range: [0, 1000], scale: 0.001, offset: 0 },
    { name: 'reading', dataType: 'float32', shape: [2, 2], range: [-16, 16], scale: 0.5, offset: 1 },
  ],
  target: { kind: 'class', name: 'kind', classes: 3 },
};

const recorded = [
  [3, 1, 2, 3, 4],
  [999, 5, 6, 7, 8],
  [50, -1, -2, -3, -4],
];

const source: ExampleSource = {
  count: recorded.length,
  readFeatures(indices, out) {
    indices.forEach((index, i) => {
      recorded[index].forEach((value, j) => {
        out[i * 5 + j] = j === 0 ? value * 0.001 : value * 0.5 + 1;
      });
    });
  },
  readTargets(indices, out) {
    indices.forEach((index, i) => {
      out[i] = index;
    });
  },
};

test('gives the recorded numbers back: of a feature, of one element, of the target', () => {
  const read = (name: string) => [...readColumn(source, contract, findColumn(contract, name))];
  expect(read('time')).toEqual([3, 999, 50]);
  expect(read('reading')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4]);
  expect(read('reading.3')).toEqual([4, 8, -4]);
  expect(read('kind')).toEqual([0, 1, 2]);
  expect(findColumn(contract, 'kind')).toMatchObject({ whole: true, range: [0, 2], elements: 1 });
  expect(findColumn(contract, 'reading.0')).toMatchObject({ whole: false, range: [-16, 16], start: 1 });
});

test('a column that is not there is refused with those that are', () => {
  for (const name of ['speed', 'reading.4', 'reading.x', 'reading.', 'kin']) {
    expect(() => findColumn(contract, name)).toThrow(/time, reading, kind/);
  }
});
