import { expect, test } from 'vitest';
import { SimulationError } from '../errors.js';
import { prepare } from '../simulation/prepare.js';
import { smallScenario } from '../testing/small-scenario.js';
import { scenarioJsonSchema } from './json-schema.js';
import { parseScenario, readScenario } from './parse.js';

const lines = [
  'name: digits',
  'data: mnist',
  'partition: { kind: iid, clients: 100 }',
  'model: { builtin: 2nn }',
  'training: { batchSize: 10, learningRate: 0.1 }',
  'cohort: { size: 10 }',
  'stop: { rounds: 5 }',
];

function withLine(number: number, text: string): string {
  return lines.map((line, index) => (index === number - 1 ? text : line)).join('\n');
}

test('what is left out takes its default', () => {
  const { scenario } = parseScenario(lines.join('\n'), '/');
  expect(scenario).toMatchObject({
    seed: 1,
    strategy: { kind: 'fedavg', weighting: 'by-examples' },
    encoding: { kind: 'float32' },
    training: { epochs: 1, loss: { kind: 'softmax-cross-entropy' } },
  });
});

test.each([
  [2, 'dta: mnist', 'line 2: dta: unknown key "dta", did you mean "data"?'],
  [3, 'partition: { kind: iid, clients: 0 }', 'line 3: partition.clients: must be at least 1'],
  [4, 'model: { builtin: 3nn }', 'line 4: model: there is no model named "3nn"'],
  [5, 'training: { batchSize: 10 }', 'line 5: training.learningRate: is missing'],
  [6, 'cohort: { size: 101 }', 'line 6: cohort.size: a cohort of 101 is more than the 100 clients'],
  [7, 'stop: { rounds: 5, colour: 1 }', 'line 7: stop.colour: unknown key "colour". It takes rounds, '],
  [7, 'strategy: fedsgd', 'unknown strategy "fedsgd"; known are fedavg'],
  [7, 'strategy: fedsgd', 'q-ffl, fedbuff, fedasync, local-only, centralized'],
  [7, 'strategy: { momentum: 1 }', 'line 7: strategy: must be a name, or have a kind that is one; known are'],
  [7, 'mode: slow', 'line 7: mode: must be one of fast, protocol'],
  [7, 'stop: { rounds: 5 ', 'not YAML'],
  [7, 'name: twice', 'line 7: not YAML: the key name stands there twice; leave one out'],
  [7, 'description: *nobody', 'line 7: not YAML: Unresolved alias'],
  [6, 'cohort: {}', 'line 6: cohort: write either {size: 10} or {fraction: 0.1}'],
  [6, 'cohort: { size: 10, fraction: 0.1 }', 'line 6: cohort: write either'],
  [6, 'cohort: { fraction: 1.5 }', 'line 6: cohort.fraction: must be at most 1'],
  [
    5,
    'training: { batchSize: every, learningRate: 1 }',
    'line 5: training.batchSize: must be a number from 1',
  ],
  [
    7,
    'stop: { rounds: 5, target: { metric: acuracy, value: 1 } }',
    'measures loss and accuracy, not acuracy',
  ],
  [7, 'stop: { rounds: 5, target: { value: 97 } }', 'line 7: stop.target.value: an accuracy is a share'],
  [7, 'devices: { dropout: { selected: 1 } }', 'line 7: devices.dropout.selected: must be below 1'],
])('line %i as "%s" is refused', (number, text, message) => {
  expect(() => parseScenario(withLine(number, text), '/')).toThrow(message);
});

test.each([
  [
    3,
    'partition: { kind: iid, clients: 70000 }',
    'line 3: partition.clients: client 0 of 70000 would hold none',
  ],
  [3, 'partition: { kind: shards, clients: 40000 }', 'line 3: partition.clients: this takes 80000 shards'],
  [
    3,
    'partition: { kind: quantity, clients: 70, alpha: 1, minimum: 1000 }',
    'line 3: partition.clients: this takes 70000 examples, but there are 60000 examples; use fewer clients or a smaller',
  ],
  [3, 'partition: { kind: natural }', 'line 3: partition.kind: a natural partition needs files'],
  [
    4,
    'model: { builtin: cnn1d }',
    'line 4: model: its input [6, 128] takes 768 numbers, but an example has 784',
  ],
  [
    5,
    'training: { batchSize: 10, learningRate: 0.1, loss: mean-squared-error }',
    "line 5: training.loss: mean-squared-error compares each of the model's 10 outputs, but a target has 1",
  ],
])(
  'what does not fit the data is refused before anything starts: line %i as "%s"',
  async (number, text, message) => {
    const refuse = async (): Promise<unknown> => {
      const { scenario, lineOf } = parseScenario(withLine(number, text), '/');
      return prepare(scenario, { lineOf });
    };
    await expect(refuse()).rejects.toThrow(message);
  },
);

test.each([
  ['nothing', '', 'line 1: there is nothing in it'],
  ['comments alone', '# name: digits\n', 'line 1: there is nothing in it'],
  ['a list', '- name: digits', 'line 1: must be a mapping of keys to values'],
  [
    'two documents',
    `${lines.join('\n')}\n---\nname: other\n`,
    'line 8: not YAML: a second document begins here',
  ],
  ['brackets without end', `name: ${'['.repeat(20_000)}`, 'line 1: not YAML: it is nested too deeply'],
  ['far too much', '# x\n'.repeat(300_000), 'it has 1200000 characters, more than the 1048576 that are read'],
])('a file of %s is refused', (_, text, message) => {
  expect(() => parseScenario(text, '/')).toThrow(message);
});

test.each([
  [
    'attack: { kind: sign-flip, share: 0.004 }',
    'line 7: attack.share: 0.004 of 100 clients is not one attacker',
  ],
  [
    'evaluation: { clients: { holdout: 0.001 } }',
    'line 7: evaluation.clients.holdout: no client holds anything out: the largest has 600 examples, of which 0.001 is',
  ],
])('what would silently do nothing is refused: %s', async (text, message) => {
  const { scenario, lineOf } = parseScenario([...lines.slice(0, 6), text, lines[6]].join('\n'), '/');
  await expect(prepare(scenario, { lineOf })).rejects.toThrow(message);
  const none = { ...scenario, attack: { kind: 'sign-flip', share: 0, factor: 1 } as const };
  await expect(
    prepare({ ...none, evaluation: { ...none.evaluation, clients: null } }),
  ).resolves.toBeDefined();
});

const small = [
  'name: small',
  'data: { kind: synthetic, features: 8, classes: 3 }',
  'partition: { kind: iid, clients: 8 }',
  'model: { kind: sequential, inputShape: [8], layers: [{ kind: dense, units: 3 }] }',
  'training: { batchSize: 4, learningRate: 0.2 }',
  'cohort: { size: 4 }',
  'stop: { rounds: 4 }',
];
const contract = `contract:
    features: [{ name: x, dataType: float32, shape: [8], range: [-10, 10] }]
    target: { kind: class, name: y, classes: 3 }`;

test.each([
  [
    2,
    `data:\n  kind: files\n  train: nowhere.csv\n  ${contract}`,
    'line 4: data.train: /no/nowhere.csv: this file cannot be read. Check that it exists',
  ],
  [
    2,
    `data:\n  kind: files\n  train: ${import.meta.filename}\n  ${contract}`,
    'its name does not tell what is in it. Name a .csv',
  ],
  [
    7,
    'attack: { kind: module, module: nowhere.mjs }',
    "line 7: attack.module: it cannot be loaded: Cannot find module '/no/nowhere.mjs'",
  ],
  [7, 'attack: { kind: backdoor, target: 3 }', 'line 7: attack.target: there is no class 3; the data has 3'],
  [7, 'attack: { kind: backdoor, triggerFeatures: 9 }', 'line 7: attack.triggerFeatures: an example has 8'],
  [
    2,
    'data: { kind: synthetic, examples: 100000, features: 10000 }',
    /line 2: data: this takes 190\.\d GiB of memory, but [0-9.]+ are free; make fewer/,
  ],
])(
  'what files and memory do not give is refused before anything starts: line %i',
  async (number, text, message) => {
    const changed = [...small.slice(0, number - 1), text, ...small.slice(number), 'stop: { rounds: 4 }'];
    const refuse = async (): Promise<unknown> => {
      const { scenario, lineOf } = parseScenario([...new Set(changed)].join('\n'), '/no');
      return prepare(scenario, { lineOf });
    };
    await expect(refuse()).rejects.toThrow(message);
  },
);

test('what cannot go together says why', () => {
  const refused = (changes: Readonly<Record<string, unknown>>) => () =>
    readScenario(smallScenario(changes), '/');
  expect(refused({ strategy: 'fedbuff' })).toThrow('devices: fedbuff applies updates as they arrive');
  expect(refused({ secureAggregation: {}, strategy: { kind: 'fedavg', aggregation: 'median' } })).toThrow(
    'a robust aggregate looks at single updates',
  );
  expect(refused({ privacy: { clip: 1, noiseMultiplier: 1 } })).toThrow('every update must weigh the same');
  expect(refused({ evaluation: { personalization: 'ditto' } })).toThrow('measured on its client');
  expect(refused({ strategy: 'fednova', secureAggregation: {} })).toThrow('sums more than whole-numbered');
  expect(refused({ strategy: 'fedasync', devices: { deadlineSeconds: 9 } })).toThrow('has no rounds that');
  expect(refused({})).not.toThrow();
  expect(refused({ strategy: 'fedbuff' })).toThrow(SimulationError);
});

test.each(['scaffold', 'fednova', 'q-ffl', 'fedbuff', 'fedasync', 'local-only', 'centralized'])(
  'an epsilon that would not be true of %s is refused, and clipping alone is not',
  (strategy) => {
    const withNoise = (noiseMultiplier: number) => () =>
      readScenario(smallScenario({ strategy, devices: {}, privacy: { clip: 1, noiseMultiplier } }), '/');
    expect(withNoise(1)).toThrow(/epsilon would not be true/);
    expect(withNoise(0)).not.toThrow();
  },
);

test('noise is for sums: a robust aggregate is refused beside it, and weights that are all 1 are not', () => {
  const privacy = { clip: 1, noiseMultiplier: 1 };
  const strategy = { kind: 'fedavg', weighting: 'uniform', aggregation: 'median' };
  expect(() => readScenario(smallScenario({ strategy, privacy }), '/')).toThrow('and median is none');
  expect(() => readScenario(smallScenario({ strategy: 'feddyn', privacy }), '/')).not.toThrow();
});

test.each([
  [{ kind: 'fednova' }, { kind: 'momentum', momentum: 0.9 }, 'write {kind: fednova, localMomentum: 0.9}'],
  [{ kind: 'fednova', localMomentum: 0.5 }, { kind: 'sgd' }, 'a momentum of 0, and it says 0.5'],
  [{ kind: 'fednova' }, { kind: 'adam' }, 'use one of them'],
  [{ kind: 'fednova', localMomentum: 0.9 }, { kind: 'momentum', nesterov: true }, 'without nesterov'],
  [{ kind: 'fednova', localMomentum: 0.9, proximalMu: 1 }, { kind: 'momentum' }, 'leave one of them out'],
])('progress that %j would get wrong with %j is refused', (strategy, optimizer, message) => {
  const training = { batchSize: 4, learningRate: 0.1, optimizer };
  expect(() => readScenario(smallScenario({ strategy, training }), '/')).toThrow(message);
});

test.each([
  ['scaffold', 'fine-tuning', 'corrected by what only its rounds have'],
  ['feddyn', 'fine-tuning', 'corrected by what only its rounds have'],
  ['local-only', 'fine-tuning', "no model of the fleet's"],
  ['centralized', 'ditto', "no model of the fleet's"],
])('a model of %s that would not be made personal by %s is refused', (strategy, personalization, message) => {
  const evaluation = { clients: {}, personalization };
  const given = smallScenario({ data: 'mnist', strategy, evaluation });
  expect(() => readScenario(given, '/')).toThrow(message);
});

test('a target without test examples is refused', () => {
  const contract = {
    features: [{ name: 'x', dataType: 'float32', shape: [8], range: [0, 1] }],
    target: { kind: 'class', name: 'y', classes: 3 },
  };
  const data = { kind: 'files', train: 'a.csv', contract };
  const stop = { rounds: 3, target: { value: 0.5 } };
  expect(() => readScenario(smallScenario({ data, stop }), '/')).toThrow('there are none; set data.test');
});

test('the published schema is that of this code', async () => {
  const published: unknown = (await import('../../scenario.schema.json', { with: { type: 'json' } })).default;
  expect(published).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
});
