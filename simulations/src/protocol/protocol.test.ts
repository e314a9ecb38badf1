/** What fast mode computes is what the real coordinator and agents arrive at. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resumeRunFolder } from '../run-folder/index.js';
import { readScenario } from '../scenario/index.js';
import { prepare } from '../simulation/prepare.js';
import { runScenario, simulate } from '../simulation/simulate.js';
import { smallScenario } from '../testing/small-scenario.js';

const few = { partition: { kind: 'iid', clients: 8 }, cohort: { size: 4 }, stop: { rounds: 2 } };

test.each([
  ['federated averaging', {}],
  ['a step of the server’s own', { strategy: 'fedadam' }],
  ['a robust aggregate', { strategy: { kind: 'fedavg', aggregation: 'median' } }],
  ['hostile examples and updates', { attack: { kind: 'sybil', share: 0.5, factor: 2 } }],
])('both modes give the same model, bit for bit: %s', async (_, changes) => {
  const scenario = smallScenario({ ...few, ...changes });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate({ ...scenario, mode: 'protocol' });
  expect(protocol.records.map(({ updates }) => updates)).toEqual([4, 4]);
  expect(protocol.checkpoint).toBe(fast.checkpoint);
});

test('under masks both give the same model up to the steps that updates are rounded to', async () => {
  const clipNorm = 2;
  const bits = 16;
  const scenario = smallScenario({ ...few, secureAggregation: { bits, clipNorm } });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate(scenario, { mode: 'protocol' });
  const plain = await simulate(smallScenario(few), { workers: 1 });
  const apart = (other: Float32Array): number =>
    protocol.parameters.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
  // Each round rounds each element of the mean by less than a step of the encoding, and so does each mode.
  const step = (2 * clipNorm) / 2 ** (bits - 1);
  expect(apart(fast.parameters)).toBeLessThan(2 * 2 * step);
  expect(apart(plain.parameters)).toBeLessThan(2 * step);
  expect(apart(protocol.parameters.map(() => 0))).toBeGreaterThan(100 * step);
});

test('of eight bits both take the same median, up to the steps that updates are rounded to', async () => {
  const strategy = { kind: 'fedavg', aggregation: 'median' };
  const scenario = smallScenario({ ...few, encoding: 'stochastic-quantization', strategy });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate(scenario, { mode: 'protocol' });
  const initial = (await prepare(readScenario(scenario, '/'))).initial;
  const largest = (values: Float32Array): number =>
    values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // A step is the largest element over 127: of a round it is at most what both rounds moved, and some more.
  const moved = largest(fast.parameters.map((value, i) => value - initial[i]));
  const apart = largest(fast.parameters.map((value, i) => value - protocol.parameters[i]));
  expect(apart).toBeLessThan((2 * 2 * 2 * moved) / 127);
});

test('the same scenario gives the same run again, and other rounds are refused by the key that asks for them', async () => {
  const privacy = { clip: 0.5, noiseMultiplier: 1 };
  const strategy = { kind: 'fedavg', weighting: 'uniform' };
  const secureAggregation = { bits: 12, clipNorm: 2 };
  const scenario = smallScenario({ ...few, secureAggregation, privacy, strategy, stop: { rounds: 1 } });
  const first = await simulate(scenario, { mode: 'protocol' });
  expect(await simulate(scenario, { mode: 'protocol' })).toEqual(first);
  await expect(simulate(smallScenario({ strategy: 'scaffold' }), { mode: 'protocol' })).rejects.toMatchObject(
    {
      code: 'simulation/scenario',
      message: expect.stringMatching(/strategy.*scaffold/s),
    },
  );
});

test('devices that are lost at each stage are missing in both modes, bit for bit, and the rounds go on', async () => {
  const dropout = { selected: 0.2, training: 0.1, upload: 0.2 };
  const stragglers = { share: 0.2, send: 'nothing' };
  const devices = { dropout, stragglers, deadlineSeconds: 60 };
  const training = { batchSize: 4, learningRate: 0.1, epochs: 2 };
  const scenario = smallScenario({ ...few, devices, training, cohort: { size: 6 }, stop: { rounds: 3 } });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate(scenario, { mode: 'protocol' });
  const counts = (run: typeof fast) =>
    run.records.map(({ updates, selected, lost, examples }) => ({ updates, selected, lost, examples }));
  expect(counts(protocol)).toEqual(counts(fast));
  expect(counts(fast).reduce((sum, { lost }) => sum + lost, 0)).toBeGreaterThan(6);
  expect(protocol.records.map(({ training }) => training.loss)).toEqual(
    fast.records.map(({ training }) => expect.closeTo(training.loss, 6)),
  );
  expect(protocol.checkpoint).toBe(fast.checkpoint);
  // Whoever waits for the lost waits until the deadline.
  expect(protocol.records.at(-1)?.virtualSeconds).toBeGreaterThan(2 * 60);
});

test('of more devices than are wanted the same ones come first, and masks come off without the others', async () => {
  const dropout = { training: 0.1, upload: 0.1 };
  // So slow that what disks and networks take does not decide who is first.
  const speed = { examplesPerSecond: 5 };
  const devices = { speed, dropout, deadlineSeconds: 60, overSelection: 1.5 };
  const clients = { partition: { kind: 'iid', clients: 12 }, cohort: { size: 4 } };
  const secureAggregation = { bits: 16, clipNorm: 2 };
  const scenario = smallScenario({ ...few, ...clients, devices, secureAggregation });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate(scenario, { mode: 'protocol' });
  expect(protocol.records.map(({ lost }) => lost)).toEqual([2, 2]);
  const apart = protocol.parameters.map((value, i) => Math.abs(value - fast.parameters[i]));
  expect(Math.max(...apart)).toBeLessThan((2 * 2 * 4) / 2 ** 15);
});

test("the coordinator's noise is as large as fast mode's", async () => {
  const [clip, noiseMultiplier] = [0.5, 2];
  const privacy = { clip, noiseMultiplier };
  const strategy = { kind: 'fedavg', weighting: 'uniform' };
  const scenario = smallScenario({ ...few, privacy, strategy, stop: { rounds: 1 } });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate(scenario, { mode: 'protocol' });
  expect(protocol.records[0].epsilon).toBe(fast.records[0].epsilon);
  const squares = protocol.parameters.reduce((sum, value, i) => sum + (value - fast.parameters[i]) ** 2, 0);
  const stddev = Math.sqrt(squares / protocol.parameters.length / 2);
  expect(stddev / ((noiseMultiplier * clip) / 4)).toBeGreaterThan(0.6);
  expect(stddev / ((noiseMultiplier * clip) / 4)).toBeLessThan(1.5);
});

test('a run that was stopped goes on in the mode that it began in, and comes to the same', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'starling-sim-protocol-'));
  try {
    const scenario = readScenario(
      smallScenario({ partition: { kind: 'iid', clients: 3 }, cohort: { size: 2 }, stop: { rounds: 2 } }),
      folder,
    );
    const whole = await simulate(scenario, { mode: 'protocol', output: join(folder, 'whole') });
    const cut = join(folder, 'cut');
    const stop = new AbortController();
    await runScenario(scenario, {
      mode: 'protocol',
      output: cut,
      signal: stop.signal,
      beforeWriting: () => stop.abort(),
    });
    const begun = await resumeRunFolder(cut);
    expect(begun.state?.rounds).toBe(1);
    const { checkpoint } = await runScenario(begun.scenario, { resumed: begun });
    expect(checkpoint).toBe(whole.checkpoint);
    for (const file of ['metrics.jsonl', 'run.json', 'participation.u32']) {
      expect(readFileSync(join(cut, file)).equals(readFileSync(join(folder, 'whole', file))), file).toBe(
        true,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  [{ privacy: { clip: 1, noiseMultiplier: 0 }, strategy: { kind: 'fedavg', weighting: 'uniform' } }, /noise/],
  [
    { devices: { stragglers: {} }, training: { batchSize: 5, epochs: 3, learningRate: 0.1 } },
    /epochs are signed/,
  ],
])('what no device does is refused with the reason: %j', async (changes, reason) => {
  await expect(simulate(smallScenario(changes), { mode: 'protocol' })).rejects.toMatchObject({
    code: 'simulation/scenario',
    message: expect.stringMatching(reason),
  });
});
