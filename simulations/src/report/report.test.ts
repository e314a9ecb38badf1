/** From a run's folder to what people and other tools read. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parquetOf } from '../export/parquet.js';
import { crc32c, tensorboardEvents } from '../export/tensorboard.js';
import type { Distribution } from '../simulation/record.js';
import { simulate } from '../simulation/simulate.js';
import { smallScenario } from '../testing/small-scenario.js';
import { collectRun, finalMetric, type ReportedRun, reportPage, roundsTo, summaryOf } from './index.js';
import type { Plot } from './series.js';

let folder: string;
let run: ReportedRun;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-sim-report-'));
  const description = 'Ends the page: </script><script>alert(1)</script>';
  const output = join(folder, 'run');
  await simulate(smallScenario({ description, devices: {} }), { workers: 1, output });
  run = await collectRun(output);
});
afterAll(() => rm(folder, { recursive: true }));

test('the report holds everything itself, and data cannot become markup', async () => {
  const page = await reportPage([run, { ...run, label: 'again' }]);
  // Nothing that a browser would fetch; the policy would refuse it besides.
  expect(page.match(/(?:src|href)\s*=|@import|url\(/g)).toBeNull();
  expect(page).toContain("default-src 'none'");
  expect(page).not.toContain('<script>alert');
  for (const text of ['Test accuracy', 'Accuracy over virtual time', 'Participation', '<th>again</th>']) {
    expect(page).toContain(text);
  }
});

test('every kind of figure is drawn where a run has it', async () => {
  const clients: Distribution = {
    ...{ clients: 3, mean: 0.5, stddev: 0.1, minimum: 0.4, worstTenth: 0.4, bestTenth: 0.6 },
    quartiles: [0.4, 0.5, 0.6],
  };
  const records = run.records.map((record) => ({ ...record, epsilon: record.round / 2, clients }));
  const measured = { round: 4, clients: [1, 2, 3], values: [0.4, 0.5, 0.6] };
  const page = await reportPage([{ ...run, records, lastClients: measured }]);
  const [, json] = /id="data">(.*)<\/script>/.exec(page) ?? [];
  const plots: readonly Plot[] = JSON.parse(json ?? '');
  const drawn = (title: string) => plots.find((plot) => plot.title === title)?.lines.map(({ y }) => y);
  expect(drawn('Test accuracy')).toEqual([run.records.map(({ test: on }) => on?.accuracy)]);
  expect(drawn('Privacy spent')).toEqual([[0.5, 1, 1.5, 2]]);
  expect(drawn('Fairness: run')?.map((line) => line[0])).toEqual([0.6, 0.5, 0.4]);
  expect(drawn('Clients by accuracy')?.[0].reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(drawn('Participation')?.[0].reduce((sum, count) => sum + count, 0)).toBe(40);
  const sent = run.records.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0) / 1e6;
  expect(drawn('Bytes: run')?.[0].at(-1)).toBeCloseTo(sent, 12);
});

test('a summary tells where the run ended and what it took', () => {
  const accuracy = run.records.at(-1)?.test?.accuracy;
  expect(summaryOf(run)).toMatchObject({ strategy: 'fedavg', rounds: 4, accuracy });
  expect(finalMetric(run, 'accuracy')).toBe(accuracy);
  expect(roundsTo(run, 'accuracy', 0)).toBe(1);
  expect(roundsTo(run, 'accuracy', 2)).toBeUndefined();
  expect(run.participation.reduce((sum, rounds) => sum + rounds, 0)).toBe(40);
});

test('Parquet holds what the records do', async () => {
  const bytes = parquetOf(run.records);
  const rows = await parquetReadObjects({ file: bytes.slice().buffer });
  expect(rows.map((row) => row['test/accuracy'])).toEqual(run.records.map((record) => record.test?.accuracy));
  expect(rows.map(({ round }) => round)).toEqual([1, 2, 3, 4]);
});

test("TensorBoard's events have the checksums and the steps it reads", () => {
  // RFC 3720, appendix B.4: 32 bytes of zeros, and of ones.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  const bytes = Buffer.from(tensorboardEvents(run.records, 1000));
  const steps: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    steps.push(bytes[at + 12 + 10]);
    at += length + 16;
  }
  expect(steps).toEqual([0, 1, 2, 3, 4]);
});
