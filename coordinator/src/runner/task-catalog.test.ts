import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { startFixture, temporaryFolder } from '../testing/coordinator-fixture.js';

const models = fileURLToPath(new URL('../../../test/oracles/models', import.meta.url));
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

test('a coordinator that starts again needs no model file: the compiled plan is stored, and a run says what is missing', async () => {
  const folder = await temporaryFolder();
  folders.push(folder);
  const file = join(folder, 'model.onnx');
  await copyFile(join(models, 'residual/model.onnx'), file);
  const definition = JSON.stringify({
    name: 'imported',
    model: { onnx: file, head: { outputs: 4 } },
    contract: {
      features: [{ name: 'x', dataType: 'float32', shape: [2, 12, 12], range: [-5, 5] }],
      target: { kind: 'class', name: 'y', classes: 4 },
    },
    training: { loss: 'softmax-cross-entropy', batchSize: 4, learningRate: 0.1 },
    cohort: { size: 2 },
    stop: { rounds: 1 },
  });
  const first = await startFixture({ folder });
  await first.applyTask(definition);
  const { task } = await first.operations.getTask({ name: 'imported' });
  await first.close();

  await rm(file);
  const second = await startFixture({ folder });
  const start = () => second.operations.startRun({ taskName: 'imported', rounds: 1, seed: 1 });
  try {
    const again = await second.operations.getTask({ name: 'imported' });
    expect(again.task?.planManifest).toEqual(task?.planManifest);
    await expect(start()).rejects.toThrow(
      /model that task imported was applied with cannot be read any more: there is no model at/,
    );
    await copyFile(join(models, 'inverted-residual/model.onnx'), file);
    await expect(start()).rejects.toThrow('has other parameters now');
    await copyFile(join(models, 'residual/model.onnx'), file);
    expect((await start()).run?.taskName).toBe('imported');
  } finally {
    await second.close();
  }
});
