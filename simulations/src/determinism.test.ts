/** The seed decides everything: not the number of workers, not where a run was cut short. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, watch, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { simulate } from './simulation/simulate.js';
import { smallScenario } from './testing/small-scenario.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-sim-test-'));
});
afterEach(() => rm(folder, { recursive: true }));

const variants: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'eight bits': { encoding: 'stochastic-quantization' },
  'masked encoding': { secureAggregation: { bits: 10, clipNorm: 2 } },
  scaffold: { strategy: 'scaffold' },
  'privacy and an attack': {
    strategy: { kind: 'fedavg', weighting: 'uniform' },
    privacy: { clip: 0.5, noiseMultiplier: 0.1 },
    attack: { kind: 'sybil', share: 0.2 },
  },
  'clipped, in eight bits': {
    encoding: 'stochastic-quantization',
    strategy: { kind: 'fedavg', weighting: 'uniform' },
    privacy: { clip: 0.01, noiseMultiplier: 0.1 },
  },
  'a robust aggregate': { strategy: { kind: 'fedavg', aggregation: 'median' } },
  'updates as they arrive': { strategy: 'fedbuff', devices: { concurrency: 12, dropout: { training: 0.1 } } },
};

test.each(Object.entries(variants))(
  'one and three workers give the same records and the same checkpoint: %s',
  async (_, changes) => {
    const scenario = smallScenario(changes);
    const [one, three] = [await simulate(scenario, { workers: 1 }), await simulate(scenario, { workers: 3 })];
    expect(three).toEqual(one);
    expect(one.records).toHaveLength(4);
    expect(one.records.every(({ exact }) => exact)).toBe(true);
  },
);

test('another seed gives another checkpoint, so that equality says something', async () => {
  const checkpoints = [7, 8].map(
    async (seed) => (await simulate(smallScenario({ seed }), { workers: 1 })).checkpoint,
  );
  const [one, other] = await Promise.all(checkpoints);
  expect(other).not.toBe(one);
});

test('a run that is killed and resumed leaves the same files as one that was not', async () => {
  const rounds = 60;
  const scenario = smallScenario({ strategy: 'scaffold', stop: { rounds }, cohort: { size: 20 } });
  await writeFile(join(folder, 'scenario.json'), JSON.stringify(scenario));
  await simulate(scenario, { workers: 1, output: join(folder, 'whole') });

  const cut = join(folder, 'cut');
  const main = resolve(import.meta.dirname, '../bundle/main.js');
  const child = spawn(process.execPath, [
    main,
    'run',
    join(folder, 'scenario.json'),
    '-o',
    cut,
    '--workers',
    '2',
  ]);
  const lines = async (): Promise<number> =>
    (await readFile(join(cut, 'metrics.jsonl'), 'utf8').catch(() => '')).split('\n').length - 1;
  for await (const _ of watch(folder, { recursive: true })) if ((await lines()) >= 5) break;
  child.kill('SIGKILL');
  await once(child, 'exit');
  const before = await lines();
  expect(before).toBeLessThan(rounds);

  const again = spawn(process.execPath, [main, 'run', '--resume', cut, '--workers', '1'], {
    stdio: 'ignore',
  });
  expect(await once(again, 'exit')).toEqual([0, null]);
  const read = (run: string, file: string): Promise<Buffer> => readFile(join(folder, run, file));
  for (const file of ['metrics.jsonl', 'participation.u32', `checkpoints/round-${rounds}.f32`, 'run.json']) {
    expect((await read('cut', file)).equals(await read('whole', file)), file).toBe(true);
  }
});
