import { expect, test } from 'vitest';
import { ModelError } from './errors.js';
import { buildModel, modelNames, namedModel, parseModel } from './index.js';

function errorOf(action: () => unknown): ModelError {
  try {
    action();
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('expected a ModelError');
}

const model = (...layers: unknown[]): unknown => ({ kind: 'sequential', inputShape: [1, 8, 8], layers });

test('defaults are filled in, and reading a definition again gives the same', () => {
  const parsed = parseModel(model({ kind: 'conv2d', filters: 4, kernelSize: 3 }, { kind: 'maxPool2d' }));
  expect(parsed.layers[0]).toEqual({
    kind: 'conv2d',
    filters: 4,
    kernelSize: [3, 3],
    strides: [1, 1],
    dilations: [1, 1],
    padding: 'valid',
    groups: 1,
    useBias: true,
    kernelInitializer: { kind: 'glorotUniform' },
    biasInitializer: { kind: 'zeros' },
  });
  expect(parsed.layers[1]).toEqual({
    kind: 'maxPool2d',
    poolSize: [2, 2],
    strides: [2, 2],
    padding: 'valid',
  });
  expect(parseModel(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
});

test.each<[string, unknown, string, number | undefined]>([
  ['no object', 7, 'the model: expected an object', undefined],
  [
    'another kind',
    { kind: 'graph', inputShape: [1], layers: [] },
    '"kind" must be one of sequential',
    undefined,
  ],
  ['no layers', { kind: 'sequential', inputShape: [4], layers: [] }, 'at least one layer', undefined],
  [
    'an empty shape',
    { kind: 'sequential', inputShape: [], layers: [{ kind: 'relu' }] },
    'at least one axis',
    undefined,
  ],
  [
    'an unknown layer',
    model({ kind: 'relu' }, { kind: 'lstm' }),
    'layer 1: unknown kind "lstm"; choose one of dense',
    1,
  ],
  [
    'units missing',
    model({ kind: 'dense' }),
    'layer 0 (dense): "units" must be an integer of at least 1, found nothing',
    0,
  ],
  [
    'a fraction of filters',
    model({ kind: 'conv2d', filters: 1.5, kernelSize: 3 }),
    'layer 0 (conv2d): "filters"',
    0,
  ],
  [
    'three sizes',
    model({ kind: 'conv2d', filters: 1, kernelSize: [1, 2, 3] }),
    'must be a list of 2 integers',
    0,
  ],
  [
    'a wrong padding',
    model({ kind: 'maxPool2d', padding: 'full' }),
    'must be one of valid, same; found "full"',
    0,
  ],
  [
    'a misspelt field',
    model({ kind: 'dense', units: 3, activation: 'relu' }),
    'unknown field "activation"; it takes kind, units',
    0,
  ],
  [
    'a rate of 1',
    model({ kind: 'dropout', rate: 1 }),
    'layer 0 (dropout): "rate" must be a number from 0',
    0,
  ],
  [
    'a wrong initializer',
    model({ kind: 'dense', units: 1, kernelInitializer: 'xavier' }),
    'unknown initializer "xavier"; choose zeros',
    0,
  ],
  [
    'no spread',
    model({ kind: 'dense', units: 1, kernelInitializer: { kind: 'normal', stddev: 0 } }),
    'layer 0 (dense) kernelInitializer: "stddev" must be a number above 0',
    0,
  ],
])('%s is refused with the place and the remedy', (_, definition, sentence, layerIndex) => {
  const error = errorOf(() => parseModel(definition));
  expect(error.message).toContain(sentence);
  expect(error.code).toBe('model/invalid');
  expect(error.layerIndex).toBe(layerIndex);
});

test.each<[string, readonly unknown[], string, number]>([
  ['dense on an image', [{ kind: 'dense', units: 3 }], 'put a "flatten" layer before it', 0],
  [
    'a window too large',
    [{ kind: 'conv2d', filters: 1, kernelSize: 9 }],
    'axis 1 of its input has only 8',
    0,
  ],
  [
    'conv1d on an image',
    [{ kind: 'conv1d', filters: 1, kernelSize: 3 }],
    'needs an input of shape [channels, length]',
    0,
  ],
  [
    'groups that do not divide',
    [{ kind: 'conv2d', filters: 3, kernelSize: 1, groups: 2 }],
    '"groups" is 2, which must divide',
    0,
  ],
  [
    'a reshape that loses elements',
    [{ kind: 'relu' }, { kind: 'reshape', shape: [63] }],
    'has 63 elements, but its input [1,8,8] has 64',
    1,
  ],
  [
    'groups of a flat input',
    [{ kind: 'flatten' }, { kind: 'groupNorm', groups: 2 }],
    'needs an input [channels, …]',
    1,
  ],
])('%s is refused when the model is built', (_, layers, sentence, layerIndex) => {
  const definition = parseModel(model(...layers));
  const error = errorOf(() => buildModel(definition));
  expect(error.message).toContain(sentence);
  expect(error.layerIndex).toBe(layerIndex);
});

test('a model too large for a file is refused before anything is allocated', () => {
  const definition = parseModel({
    kind: 'sequential',
    inputShape: [1_000_000],
    layers: [{ kind: 'dense', units: 1_000_000 }],
  });
  expect(errorOf(() => buildModel(definition)).message).toContain('has 1000001000000 parameters');
});

test('an unknown name is refused with those there are', () => {
  const error = errorOf(() => namedModel('toString'));
  expect(error.code).toBe('model/unknown');
  expect(error.message).toContain('choose one of mlp, 2nn, cnn, cnn1d');
});

test('the named models have the published sizes', () => {
  const sizes = modelNames.map((name) => [name, buildModel(namedModel(name)).parameterCount]);
  expect(Object.fromEntries(sizes)).toEqual({ mlp: 159_010, '2nn': 199_210, cnn: 1_199_882, cnn1d: 130_534 });
});

test('parameters tile the flat vector in order', () => {
  const { parameters, parameterCount } = buildModel(namedModel('2nn'));
  expect(parameters.map(({ name, shape, offset }) => [name, shape, offset])).toEqual([
    ['layers.0.weight', [200, 784], 0],
    ['layers.0.bias', [200], 156_800],
    ['layers.2.weight', [200, 200], 157_000],
    ['layers.2.bias', [200], 197_000],
    ['layers.4.weight', [10, 200], 197_200],
    ['layers.4.bias', [10], 199_200],
  ]);
  expect(parameterCount).toBe(199_210);
});
