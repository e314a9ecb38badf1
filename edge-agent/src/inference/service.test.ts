import { loadTensorSession } from '@starling/engine/serving';
import { createVirtualClock } from '@starling/federation';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import {
  addingModel,
  batchCoupledModel,
  denseModel,
  floats,
  lookUpModel,
  scalingModel,
} from '../testing/models.js';
import { createBatcher } from './batcher.js';
import { latencyBetween, latencyHistogram, latencyQuantile } from './histogram.js';
import { createInferenceService, defaultInferenceSettings, type InferenceSettings } from './service.js';

function service(settings: Partial<InferenceSettings> = {}) {
  const made = createInferenceService(systemClock(), { ...defaultInferenceSettings, ...settings });
  onTestFinished(() => made.close());
  return made;
}

const ask = (rows: readonly (readonly number[])[], version?: string) => ({
  model: 'scale',
  version,
  inputs: [floats('x', rows)],
});

test('versions stand beside each other, and the serving one changes between two requests', async () => {
  const { load, activate, unload, infer, describe, isReady } = service();
  await load('scale', '1', scalingModel(2));
  expect(isReady('scale')).toBe(false);
  await expect(infer(ask([[1, 2, 3]]))).rejects.toMatchObject({ code: 'inference/model-not-found' });
  activate('scale', '1');
  await load('scale', '2', scalingModel(10));
  expect((await infer(ask([[1, 2, 3]]))).outputs[0].data).toEqual(Float32Array.of(2, 4, 6));
  expect((await infer(ask([[1, 2, 3]], '2'))).outputs[0].data).toEqual(Float32Array.of(10, 20, 30));
  activate('scale', '2');
  // Asked before the old version goes, answered although it goes.
  const last = infer(ask([[1, 1, 1]], '1'));
  await unload('scale', '1');
  expect((await last).outputs[0].data).toEqual(Float32Array.of(2, 2, 2));
  expect(await infer(ask([[1, 2, 3]]))).toMatchObject({ version: '2' });
  expect(describe('scale')).toMatchObject({ versions: ['2'], inputs: [{ name: 'x', shape: [-1, 3] }] });
});

test('requests that arrive together share a run, each gets its own rows, and the result is the same', async () => {
  const many = service();
  const single = service({ batchRowsMax: 1 });
  for (const each of [many, single]) {
    await each.load('dense', '1', denseModel());
    each.activate('dense', '1');
  }
  const [{ batchRows }] = many.statistics();
  expect(batchRows).toBeGreaterThan(1);
  const [{ name }] = many.describe('dense').inputs;
  const requests = Array.from({ length: 40 }, (_, request) => ({
    model: 'dense',
    inputs: [
      floats(
        name,
        Array.from({ length: 1 + (request % 3) }, (_, row) =>
          Array.from({ length: 64 }, (_, i) => Math.sin(request * 64 + row + i)),
        ),
      ),
    ],
  }));
  const together = await Promise.all(requests.map((request) => many.infer(request)));
  for (const [index, request] of requests.entries()) {
    const [alone] = (await single.infer(request)).outputs;
    const [joined] = together[index].outputs;
    expect(joined.shape).toEqual(alone.shape);
    joined.data.forEach((value, at) => {
      expect(Number(value)).toBeCloseTo(Number(alone.data[at]), 5);
    });
  }
  const [{ runs, rows }] = many.statistics();
  expect(rows).toBe(79);
  expect(runs).toBeLessThan(10);
});

test('requests to a model of two inputs share a run only where each has as many examples in both', async () => {
  const { load, activate, infer, statistics } = service();
  await load('add', '1', addingModel());
  activate('add', '1');
  expect(statistics()[0].batchRows).toBeGreaterThan(1);
  const ask = (x: readonly number[], z: readonly number[]) =>
    infer({
      model: 'add',
      inputs: [
        floats(
          'x',
          x.map((value) => Array(64).fill(value)),
        ),
        floats(
          'z',
          z.map((value) => Array(64).fill(value)),
        ),
      ],
    });
  // Of the middle two, one input has an example that stands beside all of the other; joined, their rows would even out.
  const answers = await Promise.all([ask([1], [1]), ask([10, 20], [1]), ask([5], [100, 200]), ask([2], [2])]);
  const firsts = answers.map(({ outputs: [{ shape, data }] }) =>
    Array.from({ length: shape[0] }, (_, row) => Number(data[row * 64])),
  );
  expect(firsts).toEqual([[2], [11, 21], [105, 205], [4]]);
});

test('a question that fails takes none of those with it that share its run', async () => {
  const { load, activate, infer, statistics } = service();
  await load('look-up', '1', lookUpModel());
  activate('look-up', '1');
  expect(statistics()[0].batchRows).toBeGreaterThan(1);
  const ask = (row: bigint) => {
    const data = new BigInt64Array(64).fill(row);
    return infer({ model: 'look-up', inputs: [{ name: 'row', dataType: 'int64', shape: [1, 64], data }] });
  };
  const settled = await Promise.allSettled([ask(1n), ask(99n), ask(0n)]);
  const answers = settled.map((each) =>
    each.status === 'fulfilled' ? each.value.outputs[0].data[0] : (each.reason as { code: string }).code,
  );
  expect(answers).toEqual([10, 'runtime/input', 0]);
  expect(statistics()[0]).toMatchObject({ requests: 3, failures: 1 });
});

test('a model whose examples see each other is never given several requests at once', async () => {
  const { load, activate, infer, statistics } = service();
  await load('scale', '1', batchCoupledModel());
  activate('scale', '1');
  expect(statistics()[0].batchRows).toBe(1);
  const answers = await Promise.all([infer(ask([[1, 2, 3]])), infer(ask([[5, 5, 5]]))]);
  expect(answers.map(({ outputs }) => [...outputs[0].data])).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
});

test('a full queue answers at once that it is full, and what waits is answered', async () => {
  const { load, activate, infer, statistics } = service({ queueMax: 4, batchRowsMax: 1 });
  await load('scale', '1', scalingModel(2));
  activate('scale', '1');
  const answers = await Promise.allSettled(Array.from({ length: 10 }, () => infer(ask([[1, 2, 3]]))));
  expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
  for (const answer of answers.slice(4)) {
    expect(answer).toMatchObject({ reason: { code: 'inference/overloaded' } });
  }
  expect(statistics()).toMatchObject([{ requests: 10, overloads: 6, failures: 0, latency: { count: 4 } }]);
});

test('a request may wait for others as long as was said, and no longer', async () => {
  const clock = createVirtualClock();
  const session = await loadTensorSession('scale', scalingModel(2));
  const batcher = createBatcher({ session, clock, rowsMax: 8, waitMsMax: 5, queueMax: 16 });
  const first = batcher.infer([floats('x', [[1, 2, 3]])]);
  await new Promise(setImmediate);
  const second = batcher.infer([floats('x', [[4, 5, 6]])]);
  clock.advance(4);
  await new Promise(setImmediate);
  expect(batcher.totals.runs).toBe(0);
  clock.advance(1);
  expect((await Promise.all([first, second])).map(([{ data }]) => [...data])).toEqual([
    [2, 4, 6],
    [8, 10, 12],
  ]);
  expect(batcher.totals).toEqual({ runs: 1, rows: 2 });
  await batcher.close();
  await expect(batcher.infer([floats('x', [[1, 2, 3]])])).rejects.toMatchObject({
    code: 'inference/unavailable',
  });
  await session.release();
});

test.each([
  ['another name', [floats('z', [[1, 2, 3]])], /no input "z"; it takes "x"/],
  ['no input', [], /"x" is given 0 times/],
  ['an input twice', [floats('x', [[1, 2, 3]]), floats('x', [[1, 2, 3]])], /"x" is given 2 times/],
  ['a wrong width', [floats('x', [[1, 2]])], /shape \[1,2\], but the model takes \[-1,3\]/],
  ['no rows', [{ ...floats('x', [[1, 2, 3]]), shape: [0, 3], data: new Float32Array(0) }], /shape \[0,3\]/],
  [
    'too few elements',
    [{ ...floats('x', [[1, 2, 3]]), shape: [2, 3] }],
    /3 elements, but its shape .* has 6/,
  ],
  [
    'another type',
    [{ name: 'x', dataType: 'int32' as const, shape: [1, 3], data: Int32Array.of(1, 2, 3) }],
    /is FP32, not INT32/,
  ],
])('%s is refused by name', async (_what, inputs, sentence) => {
  const { load, infer } = service();
  await load('scale', '1', scalingModel(2));
  await expect(infer({ model: 'scale', version: '1', inputs })).rejects.toMatchObject({
    code: 'inference/invalid-request',
    message: expect.stringMatching(sentence),
  });
});

test('a file that is no model is refused, and what served goes on', async () => {
  const { load, activate, infer } = service();
  await load('scale', '1', scalingModel(2));
  activate('scale', '1');
  const broken = scalingModel(3).slice(0, 40);
  await expect(load('scale', '1', broken)).rejects.toMatchObject({ code: 'inference/model-invalid' });
  expect((await infer(ask([[1, 2, 3]]))).outputs[0].data).toEqual(Float32Array.of(2, 4, 6));
});

test('quantiles come from buckets, to half of their value, also between two looks', () => {
  const histogram = latencyHistogram();
  for (let i = 0; i < 1000; i++) histogram.record(1 + i / 1000);
  const first = histogram.snapshot();
  expect(first.counts.reduce((sum, count) => sum + count)).toBe(1000);
  expect(latencyQuantile(first, 0.5)).toBeGreaterThanOrEqual(1.5);
  expect(latencyQuantile(first, 0.5)).toBeLessThanOrEqual(1.5 * 1.5);
  for (let i = 0; i < 100; i++) histogram.record(40);
  const between = latencyBetween(first, histogram.snapshot());
  expect(between.count).toBe(100);
  expect(latencyQuantile(between, 0.01)).toBeGreaterThanOrEqual(40);
  expect(latencyQuantile(latencyHistogram().snapshot(), 0.99)).toBe(0);
});
