import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { proximalMuOf } from './definition.js';
import { StrategyError } from './errors.js';
import { parseStrategy } from './parse.js';
import { fieldsOf, strategyKinds } from './registry.js';
import { weightOf } from './weighting.js';

function errorOf(input: unknown): StrategyError {
  try {
    parseStrategy(input);
  } catch (error) {
    if (error instanceof StrategyError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test('a name alone takes every default', () => {
  expect(parseStrategy('fedavg')).toEqual({
    kind: 'fedavg',
    weighting: 'by-examples',
    serverLearningRate: 1,
  });
  expect(parseStrategy('fedyogi')).toEqual({
    kind: 'fedyogi',
    weighting: 'by-examples',
    serverLearningRate: 0.01,
    beta1: 0.9,
    beta2: 0.99,
    tau: 0.001,
  });
});

test.each(strategyKinds)('%s parses back from its own definition', (kind) => {
  const definition = parseStrategy({ kind, weighting: 'uniform' });
  expect(definition.weighting).toBe('uniform');
  expect(parseStrategy(definition)).toEqual(definition);
});

test('an unknown strategy is refused with the known ones', () => {
  for (const input of ['fedsgd', { kind: 'FedAvg' }, {}, 'constructor', { kind: '__proto__' }]) {
    expect(errorOf(input)).toMatchObject({ code: 'unknown-strategy' });
    expect(errorOf(input).message).toContain('fedavg, fedprox, fedavgm, fedadagrad, fedadam, fedyogi');
  }
  for (const input of [null, 7, undefined, ['fedavg']]) {
    expect(errorOf(input).code).toBe('unknown-strategy');
  }
});

test('an unknown setting is refused with the allowed ones', () => {
  const error = errorOf({ kind: 'fedavgm', beta1: 0.9 });
  expect(error).toMatchObject({ code: 'unknown-field', field: 'beta1' });
  expect(error.message).toContain('weighting, aggregation, serverLearningRate, momentum');
  expect(errorOf(JSON.parse('{"kind": "fedavg", "__proto__": 1}')).code).toBe('unknown-field');
});

test('a setting of the wrong type or out of range is refused by name', () => {
  const bad: [string, object][] = [
    ['serverLearningRate', { kind: 'fedavg', serverLearningRate: 0 }],
    ['serverLearningRate', { kind: 'fedavg', serverLearningRate: '1' }],
    ['serverLearningRate', { kind: 'fedadam', serverLearningRate: Number.NaN }],
    ['serverLearningRate', { kind: 'fedadam', serverLearningRate: null }],
    ['momentum', { kind: 'fedavgm', momentum: 1 }],
    ['proximalMu', { kind: 'fedprox', proximalMu: -0.1 }],
    ['tau', { kind: 'fedyogi', tau: 0 }],
    ['beta2', { kind: 'fedyogi', beta2: -0.1 }],
    ['tau', { kind: 'fedadagrad', tau: Number.POSITIVE_INFINITY }],
    ['weighting', { kind: 'fedavg', weighting: 'examples' }],
  ];
  for (const [field, input] of bad) {
    expect(errorOf(input)).toMatchObject({ code: 'invalid-field', field });
    expect(errorOf(input).message).toContain(field);
  }
});

test('whatever comes in, a definition or a StrategyError comes out', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.anything(), fc.record({ kind: fc.constantFrom(...strategyKinds) })),
      fc.dictionary(fc.constantFrom('tau', 'momentum', 'weighting', 'x'), fc.anything()),
      (input, more) => {
        try {
          const parsed = parseStrategy(
            typeof input === 'object' && input !== null ? { ...input, ...more } : input,
          );
          const names = ['kind', 'weighting', ...fieldsOf(parsed.kind).keys()];
          expect(Object.keys(parsed)).toEqual(names);
        } catch (error) {
          expect(error).toBeInstanceOf(StrategyError);
        }
      },
    ),
  );
});

test('only FedProx has a proximal term', () => {
  expect(proximalMuOf(parseStrategy({ kind: 'fedprox', proximalMu: 0.5 }))).toBe(0.5);
  expect(proximalMuOf(parseStrategy('fedavg'))).toBe(0);
});

test('an update weighs its examples or one, and nothing without examples', () => {
  expect(weightOf('by-examples', 600)).toBe(600);
  expect(weightOf('uniform', 600)).toBe(1);
  for (const examples of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
    expect(() => weightOf('uniform', examples)).toThrow(expect.objectContaining({ code: 'no-examples' }));
  }
});
