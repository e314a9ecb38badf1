import { expect, test } from 'vitest';
import { readScenario } from '../scenario/index.js';
import { smallScenario } from '../testing/small-scenario.js';
import { prepare } from './prepare.js';

const contract = {
  features: [{ name: 'x', dataType: 'float32', shape: [8], range: [-4, 4] }],
  target: { kind: 'class', name: 'y', classes: 3 },
};

test('what takes more memory than there is, is refused before the data is looked for', async () => {
  const scenario = readScenario(
    smallScenario({
      data: { kind: 'files', train: 'nowhere', contract },
      model: { kind: 'sequential', inputShape: [8], layers: [{ kind: 'dense', units: 100_000 }] },
      strategy: { kind: 'fedavg', aggregation: 'median' },
      partition: { kind: 'iid', clients: 1_000_000 },
      cohort: { size: 1_000_000 },
    }),
    '/nowhere',
  );
  await expect(prepare(scenario)).rejects.toThrow(
    /takes [0-9.]+ GiB of memory, but [0-9.]+ are free; a robust aggregate keeps every update/,
  );
});
