/** The health check over real inference, and what serving does while releases change hands. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphBuilder, int, writeModel } from '@starling/engine';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { defaultInferenceSettings, startServing } from '../../inference/index.js';
import { floats, scalingModel } from '../../testing/models.js';
import { temporaryFolder } from '../../testing/small-task.js';
import type { HealthChecks } from '../description.js';
import { keepRecent } from '../recent.js';
import { releaseServing } from '../serving.js';
import { type RecentData, tryRelease } from './try-release.js';

const none: HealthChecks = {
  ...{ watchMs: 0, latencyMsMax: null, accuracyMin: null, agreementMin: null },
  ...{ errorShareMax: 0.05, crashesMax: 2, scoreDriftMax: null },
};
const options = { clock: systemClock(), settings: defaultInferenceSettings };
const rows = Array.from({ length: 30 }, (_, row) => [
  row % 3 === 0 ? 1 : 0,
  row % 3 === 1 ? 1 : 0,
  row % 3 === 2 ? 1 : 0,
]);
const labelled = {
  rows: rows.length,
  features: Float32Array.from(rows.flat()),
  classes: Int32Array.from(rows, (_, row) => row % 3),
  classCount: 3,
};
const requests = rows.map((row) => ({ inputs: [floats('x', [row])], outputs: [floats('y', [row])] }));
const nothing: RecentData = { requests: [], labelled: undefined };

/** Says the class after the right one. */
function shiftedModel(): Uint8Array {
  const builder = new GraphBuilder({ name: 'shifted' });
  const input = builder.input('x', 'float32', ['batch', 3]);
  builder.output(builder.op('Gather', [input, builder.ints([2, 0, 1])], { axis: int(1) }), 'y');
  return writeModel(builder.build());
}

test('what is good may serve: on recent data of this device, and where there is none yet', async () => {
  const health = { ...none, accuracyMin: 0.9, agreementMin: 0.9, latencyMsMax: 1_000 };
  expect(await tryRelease(scalingModel(2), health, { requests, labelled }, options)).toBeUndefined();
  expect(await tryRelease(scalingModel(2), health, nothing, options)).toBeUndefined();
});

test.each<readonly [string, Uint8Array, Partial<HealthChecks>, RecentData, RegExp]>([
  ['no model', Buffer.from('no model'), {}, nothing, /could not be loaded|fails/i],
  ['answers that are not finite', scalingModel(Number.NaN), {}, nothing, /not finite/],
  [
    'fewer right answers',
    shiftedModel(),
    { accuracyMin: 0.9 },
    { requests: [], labelled },
    /tells 0 % of 30 recent/,
  ],
  [
    'other answers',
    shiftedModel(),
    { agreementMin: 0.9 },
    { requests, labelled: undefined },
    /agrees on 0 % of 30/,
  ],
  [
    'slow answers',
    scalingModel(2),
    { latencyMsMax: 1e-6 },
    { requests, labelled: undefined },
    /99 of 100 answers/,
  ],
  ['other inputs', scalingModel(2, 4), {}, { requests, labelled: undefined }, /the model takes \[-1,4\]/],
  [
    'other classes',
    scalingModel(2, 3),
    {},
    { requests: [], labelled: { ...labelled, classCount: 4 } },
    /3 classes/,
  ],
])('%s may not', async (_name, model, health, recent, reason) => {
  const fault = await tryRelease(model, { ...none, ...health }, recent, options);
  expect(fault).toMatch(reason);
});

test('releases take over from what the models folder has, and give way to it again', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'scale', '1'), { recursive: true });
  await writeFile(join(folder, 'scale', '1', 'model.onnx'), scalingModel(10));
  const log = { info() {}, warn() {}, error() {} };
  const { service, directory, close } = await startServing({
    modelsFolder: folder,
    clock: systemClock(),
    log,
  });
  onTestFinished(close);
  const recent = keepRecent(service);
  const serving = releaseServing(service, directory);
  const ask = async (elements = 3) => {
    const inputs = [floats('x', [new Array<number>(elements).fill(1)])];
    return (await service.infer({ model: 'scale', inputs })).outputs[0].data[0];
  };
  expect(await ask()).toBe(10);
  await expect(ask(4)).rejects.toThrow();
  // Of the same version as the local one.
  await serving.serve('scale', 1, async () => scalingModel(2));
  expect(await ask()).toBe(2);
  await serving.serve('scale', 2, async () => scalingModel(3));
  expect(await ask()).toBe(3);
  await expect(ask(4)).rejects.toThrow();
  expect(serving.figures('scale')).toMatchObject({ requests: 2, failures: 1, failureShareBefore: 0 });
  expect(recent.of('scale')).toHaveLength(3);
  // What served before is still in memory; afterwards it is not.
  await serving.serve('scale', 1, async () => Promise.reject(new Error('not read again')));
  await serving.settle('scale');
  expect(service.describe('scale').versions).toEqual(['1']);
  expect(await ask()).toBe(2);
  await serving.serveLocal('scale');
  expect(await ask()).toBe(10);
});
