import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy, uniform } from '@starling/federation';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import { startServing } from '../inference/serve.js';
import { floats, scalingModel } from '../testing/models.js';
import { temporaryFolder } from '../testing/small-task.js';
import { createDriftMonitor, type DriftAlarm, scoreOf } from './monitor.js';
import { cellOf, columnOf } from './reference.js';
import { kolmogorovSmirnov, stabilityIndex } from './statistics.js';
import { type DriftEvent, watchDrift } from './watch.js';

/** Box and Muller, 1958. */
function normals(count: number, seed: number, mean = 0, deviation = 1): Float64Array {
  const entropy = createSeededEntropy(seed);
  return Float64Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(entropy)));
    return mean + deviation * radius * Math.cos(2 * Math.PI * uniform(entropy));
  });
}

function counted(edges: readonly number[], values: Iterable<number>): Float64Array {
  const counts = new Float64Array(edges.length + 1);
  for (const value of values) counts[cellOf(edges, value)] += 1;
  return counts;
}

test('cells hold a hundredth each, and a value that many share is a cell of its own', () => {
  const column = columnOf('x', normals(10_000, 1));
  expect(column.shares).toHaveLength(100);
  for (const share of column.shares) expect(share).toBeCloseTo(0.01, 6);
  const pixels = columnOf(
    'p',
    Float64Array.from({ length: 1000 }, (_, index) => (index % 5 === 0 ? index : 0)),
  );
  expect(pixels.shares[0]).toBeCloseTo(0.8, 2);
  expect(pixels.shares.reduce((sum, share) => sum + share)).toBeCloseTo(1, 9);
});

test('the index and the distance of shifted normals are what theory says', () => {
  const reference = columnOf('x', normals(50_000, 2));
  const at = (mean: number) => counted(reference.edges, normals(50_000, 3, mean));
  // The index tends to the symmetric Kullback-Leibler divergence, which is the squared shift; ten bins lose a little.
  expect(stabilityIndex(reference.shares, at(0.5))).toBeGreaterThan(0.85 * 0.25);
  expect(stabilityIndex(reference.shares, at(0.5))).toBeLessThan(0.25);
  expect(stabilityIndex(reference.shares, at(0))).toBeLessThan(0.002);
  // 2Φ(δ/2) − 1 is the greatest difference of two normal distribution functions: 0.19741 for δ = 0.5.
  expect(kolmogorovSmirnov(reference.shares, at(0.5), 50_000).distance).toBeCloseTo(0.19741, 1);
  const same = kolmogorovSmirnov(reference.shares, at(0), 50_000);
  expect(same.distance).toBeLessThan(same.bound);
  // c(0.001) = 1.9495 (Smirnov's table).
  expect(same.bound).toBeCloseTo(1.9495 * Math.sqrt(2 / 50_000), 5);
});

test('no alarm without drift in a hundred comparisons; a shift is told once, and its end', () => {
  const features = [{ ...columnOf('x', normals(5000, 4)), start: 0, elements: 1 }];
  const alarms: DriftAlarm[] = [];
  const monitor = createDriftMonitor(
    { features, rows: 5000 },
    { rows: 500, stabilityIndexMin: 0.2, repeats: 2 },
    (alarm) => alarms.push(alarm),
  );
  const feed = (values: Float64Array) =>
    monitor.observe(
      [
        floats(
          'x',
          Array.from(values, (value) => [value]),
        ),
      ],
      [],
    );
  feed(normals(50_000, 5));
  expect(alarms).toEqual([]);
  feed(normals(500, 6, 1));
  expect(alarms).toEqual([]);
  feed(normals(1500, 7, 1));
  expect(alarms).toMatchObject([{ column: 'x', state: 'drifted', rows: 500 }]);
  expect(alarms[0].stabilityIndex).toBeGreaterThan(0.5);
  feed(normals(1000, 8));
  expect(alarms.map(({ state }) => state)).toEqual(['drifted', 'recovered']);
});

test('the score is the largest softmax probability, or the output itself', () => {
  expect(
    scoreOf(
      floats('y', [
        [0, 0],
        [0, Math.log(3)],
      ]),
      1,
    ),
  ).toBeCloseTo(0.75, 6);
  expect(scoreOf(floats('y', [[4], [7]]), 1)).toBe(7);
});

test('a version with a reference beside it is watched while it serves; a broken one is told of', async () => {
  const modelsFolder = await temporaryFolder();
  const folder = join(modelsFolder, 'scale', '1');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.onnx'), scalingModel(1, 1));
  const reference = { features: [{ ...columnOf('x', normals(2000, 9)), start: 0, elements: 1 }], rows: 2000 };
  await writeFile(join(folder, 'drift.json'), JSON.stringify(reference));
  const warnings: string[] = [];
  const log = { info() {}, warn: (_: object, text: string) => void warnings.push(text), error() {} };
  const events: DriftEvent[] = [];
  const run = async () => {
    const serving = await startServing({ modelsFolder, clock: systemClock(), log });
    const end = watchDrift(
      serving.service,
      serving.directory.folder,
      { rows: 100, stabilityIndexMin: 0.2, repeats: 1 },
      log,
      (event) => events.push(event),
    );
    onTestFinished(async () => {
      end();
      await serving.close();
    });
    const ask = () =>
      serving.service.infer({
        model: 'scale',
        inputs: [
          floats(
            'x',
            Array.from(normals(100, 10, 2), (value) => [value]),
          ),
        ],
      });
    return { ask };
  };
  const { ask } = await run();
  while (events.length === 0) await ask();
  expect(events).toMatchObject([{ model: 'scale', version: '1', column: 'x', state: 'drifted' }]);
  await writeFile(join(folder, 'drift.json'), '{"features":[{}]}');
  const broken = await run();
  while (warnings.length === 0) await broken.ask();
  expect(warnings).toEqual(['A drift reference cannot be read.']);
});
