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
  [7, 'stop: { rounds: 5 ', 'not YAML'],
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
  [3, 'partition: { kind: natural }', 'line 3: partition.kind: a natural partition needs files'],
  [
    4,
    'model: { builtin: cnn1d }',
    'line 4: model: its input [6, 128] takes 768 numbers, but an example has 784',
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

test('missing data names the file', async () => {
  const contract = {
    features: [{ name: 'x', dataType: 'float32', shape: [8], range: [-10, 10] }],
    target: { kind: 'class', name: 'y', classes: 3 },
  };
  const scenario = readScenario(
    smallScenario({
      data: { kind: 'files', train: 'nowhere', contract },
      partition: { kind: 'iid', clients: 20 },
    }),
    '/no',
  );
  await expect(prepare(scenario)).rejects.toThrow('/no/nowhere: this folder cannot be read');
});

test('what cannot go together says why', () => {
  const refused = (changes: Readonly<Record<string, unknown>>) => () =>
    readScenario(smallScenario(changes), '/');
  expect(refused({ strategy: 'fedbuff' })).toThrow('devices: fedbuff applies updates as they arrive');
  expect(refused({ secureAggregation: {}, strategy: { kind: 'fedavg', aggregation: 'median' } })).toThrow(
    'a robust aggregate looks at single updates',
  );
  expect(refused({ privacy: { clip: 1, noiseMultiplier: 1 } })).toThrow('every update must weigh the same');
  expect(refused({ evaluation: { personalization: 'ditto' } })).toThrow('measured on its client');
  expect(refused({})).not.toThrow();
  expect(refused({ strategy: 'fedbuff' })).toThrow(SimulationError);
});

test('the published schema is that of this code', async () => {
  const published: unknown = (await import('../../scenario.schema.json', { with: { type: 'json' } })).default;
  expect(published).toEqual(JSON.parse(JSON.stringify(scenarioJsonSchema())));
});
