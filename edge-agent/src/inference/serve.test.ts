import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import { floats, scalingModel } from '../testing/models.js';
import { temporaryFolder } from '../testing/small-task.js';
import { openModelDirectory } from './model-directory.js';
import { startServing } from './serve.js';

const log = { info() {}, warn() {}, error() {} };

async function models(versions: Readonly<Record<string, number>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [version, factor] of Object.entries(versions)) {
    await mkdir(join(folder, 'scale', version), { recursive: true });
    await writeFile(join(folder, 'scale', version, 'model.onnx'), scalingModel(factor));
  }
  return folder;
}

async function serving(modelsFolder: string) {
  const started = await startServing({ modelsFolder, clock: systemClock(), log });
  onTestFinished(() => started.close());
  const ask = async () => {
    const { outputs } = await started.service.infer({ model: 'scale', inputs: [floats('x', [[1, 1, 1]])] });
    return outputs[0].data[0];
  };
  return { ...started, ask };
}

test('the newest version serves until one is chosen, and the choice outlives the process', async () => {
  const folder = await models({ '2': 2, '10': 10 });
  const first = await serving(folder);
  expect(await first.ask()).toBe(10);
  await first.switchTo('scale', '2');
  expect(await first.ask()).toBe(2);
  expect(first.service.describe('scale').versions).toEqual(['2']);
  expect(await (await serving(folder)).ask()).toBe(2);
});

test('a switch never leaves a gap: every request meanwhile is answered by one version or the other', async () => {
  const started = await serving(await models({ '1': 1, '2': 2 }));
  const answers: unknown[] = [];
  let done = false;
  const asking = (async () => {
    while (!done) answers.push(await started.ask());
  })();
  for (const version of ['1', '2', '1', '2', '1']) await started.switchTo('scale', version);
  done = true;
  await asking;
  expect(new Set(answers)).toEqual(new Set([1, 2]));
  expect(answers.at(-1)).toBe(1);
});

test('a version that is broken does not take over', async () => {
  const folder = await models({ '1': 1, '2': 2 });
  const started = await serving(folder);
  await writeFile(join(folder, 'scale', '1', 'model.onnx'), 'not a model');
  await expect(started.switchTo('scale', '1')).rejects.toMatchObject({ code: 'inference/model-invalid' });
  await expect(started.switchTo('scale', '7')).rejects.toMatchObject({ code: 'inference/model-not-found' });
  await expect(started.switchTo('scale', '../2')).rejects.toMatchObject({
    code: 'inference/model-not-found',
  });
  expect(await started.ask()).toBe(2);
});

test('folders without a model are passed over, and a choice of what is gone falls to the newest', async () => {
  const folder = await models({ '1': 1, '2': 2 });
  const directory = openModelDirectory(folder);
  await mkdir(join(folder, 'empty', '1'), { recursive: true });
  await writeFile(join(folder, 'notes.txt'), '');
  expect(await directory.list()).toEqual(new Map([['scale', ['1', '2']]]));
  await directory.choose('scale', '1');
  expect(await readFile(join(folder, 'scale', 'serving'), 'utf8')).toBe('1\n');
  await rm(join(folder, 'scale', '1'), { recursive: true });
  expect(await directory.serving('scale')).toBe('2');
});
