import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ExamplesError,
  type FeatureContract,
  featureElements,
  formatFeatureContract,
  parseFeatureContract,
  targetElements,
} from './index.js';

const image = {
  features: [{ name: 'image', dataType: 'uint8', shape: [28, 28], range: [0, 255], scale: 0.5, offset: 1 }],
  target: { kind: 'class', name: 'digit', classes: 10 },
};

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,10}$/);
const range = fc
  .tuple(fc.integer({ min: -128, max: 0 }), fc.integer({ min: 0, max: 127 }))
  .map(([min, max]): readonly [number, number] => [min, max]);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const shape = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 });
const contracts: fc.Arbitrary<FeatureContract> = fc
  .record({
    names: fc.uniqueArray(name, { minLength: 2, maxLength: 5 }),
    field: fc.record({
      dataType: fc.constantFrom('int8', 'int16', 'int32', 'float32', 'float64'),
      shape,
      range,
      scale: finite,
      offset: finite,
    }),
    target: fc.oneof(
      fc.record({ kind: fc.constant('class' as const), classes: fc.integer({ min: 2, max: 1000 }) }),
      fc.record({ kind: fc.constant('number' as const), shape, range, unit: fc.constant('m/s2') }),
    ),
  })
  .map(({ names: [targetName, ...names], field, target }) => ({
    features: names.map((name) => ({ ...field, name })),
    target: { ...target, name: targetName },
  }));

test('every contract survives its JSON, and has one spelling', () => {
  fc.assert(
    fc.property(contracts, (contract) => {
      const json = formatFeatureContract(contract);
      expect(parseFeatureContract(json)).toEqual(contract);
      const shuffled = JSON.stringify({ target: contract.target, features: contract.features });
      expect(formatFeatureContract(parseFeatureContract(shuffled))).toBe(json);
    }),
  );
});

test('normalisation is optional', () => {
  const { scale: _scale, offset: _offset, ...field } = image.features[0];
  const contract = parseFeatureContract(JSON.stringify({ ...image, features: [field] }));
  expect(contract.features[0]).toMatchObject({ scale: 1, offset: 0 });
  expect(featureElements(contract)).toBe(784);
  expect(targetElements(contract)).toBe(1);
});

test.each([
  ['not JSON', '{', 'feature contract'],
  ['no object', '[]', 'feature contract'],
  ['an unknown field', { ...image, extra: 1 }, 'feature contract'],
  ['no features', { ...image, features: [] }, 'feature contract.features'],
  ['a repeated name', { ...image, features: [image.features[0], image.features[0]] }, 'feature contract'],
  [
    'the target named as a feature',
    { ...image, target: { ...image.target, name: 'image' } },
    'feature contract',
  ],
  ['a bad name', change({ name: '../x' }), 'feature contract.features[0].name'],
  ['a bad type', change({ dataType: 'uint64' }), 'feature contract.features[0].dataType'],
  ['a negative size', change({ shape: [-1] }), 'feature contract.features[0].shape'],
  ['a size that is no number', change({ shape: ['28'] }), 'feature contract.features[0].shape'],
  ['too many elements', change({ shape: [1e6, 1e6] }), 'feature contract.features[0].shape'],
  ['a range the type cannot hold', change({ range: [0, 256] }), 'feature contract.features[0].range'],
  ['a range upside down', change({ range: [3, 1] }), 'feature contract.features[0].range'],
  ['a scale that is no number', change({ scale: '1' }), 'feature contract.features[0].scale'],
  ['one class', { ...image, target: { ...image.target, classes: 1 } }, 'feature contract.target.classes'],
  ['an unknown target', { ...image, target: { kind: 'text', name: 't' } }, 'feature contract.target.kind'],
])('refuses %s, naming the place and a remedy', (_what, value, path) => {
  const json = typeof value === 'string' ? value : JSON.stringify(value);
  const error = caught(() => parseFeatureContract(json));
  expect(error.code).toBe('examples/contract-invalid');
  expect(error.path).toBe(path);
  expect(error.message).toContain(error.remedy);
});

function change(fields: object): object {
  return { ...image, features: [{ ...image.features[0], ...fields }] };
}

function caught(run: () => unknown): ExamplesError {
  try {
    run();
  } catch (error) {
    if (error instanceof ExamplesError) {
      return error;
    }
    throw error;
  }
  throw new Error('nothing was thrown');
}
