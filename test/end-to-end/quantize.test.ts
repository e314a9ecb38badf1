/** Devices calibrate the int8 form of what they learned, under masks, and it is as good as one calibrated with their examples. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxruntimeInference } from '@starling/engine';
import { afterAll, expect, test } from 'vitest';
import { createScope, examplesFolder, runCommand, startFleet, writeSmallExamples } from '../support/index.js';

const scope = createScope();
afterAll(() => scope.close());

interface Report {
  readonly path: string;
  readonly sizeRatio: number;
  readonly after: { readonly quality: { readonly value: number; readonly examples: number } };
  readonly layers: readonly { readonly precision: string; readonly sqnr: number }[];
}

test('federated calibration is within a tenth of a point of central calibration', async () => {
  const overrides = { secureAggregation: {}, quantization: { aware: { ranges: 'observed' } } };
  const fleet = await startFleet(scope, { agents: 3, rounds: 3, hidden: 64, overrides });
  const env = { STARLING_DATA: fleet.coordinator.folder, STARLING_HOME: fleet.folder };
  const starling = async (...args: readonly string[]): Promise<string> => {
    const named = [...args, '--coordinator', fleet.coordinator.address];
    const { code, stdout, stderr } = await runCommand('starling', named, { env });
    expect(code, stderr).toBe(0);
    return stdout;
  };
  const task = join(fleet.folder, 'kinds.json');
  await writeFile(task, JSON.stringify(fleet.task));
  await starling('task', 'apply', task);
  const runId = (await starling('run', 'start', 'kinds')).trim();
  await starling('run', 'watch', runId);
  const heldOut = await writeSmallExamples(examplesFolder(fleet.folder, 9), 9, 900);

  const quantize = async (name: string, ...args: readonly string[]): Promise<Report> => {
    const output = ['--examples', heldOut, '-o', join(fleet.folder, `${name}.onnx`), '--json'];
    return JSON.parse(await starling('model', 'quantize', runId, ...args, ...output)) as Report;
  };
  const trained = await quantize('trained');
  const central = await quantize('central', '--ranges', 'minmax');
  const federated = await quantize('federated', '--federated');
  for (const { layers, after, sizeRatio } of [trained, central, federated]) {
    expect(layers.map(({ precision }) => precision)).toEqual(['int8', 'int8']);
    expect(after.quality.value).toBeGreaterThan(0.9);
    expect(sizeRatio).toBeGreaterThan(0.1);
  }
  expect(federated.after.quality.examples).toBeGreaterThan(400);
  expect(Math.abs(federated.after.quality.value - central.after.quality.value)).toBeLessThanOrEqual(0.001);
  // Ranges of other resolution and other examples, and yet errors of the same size.
  federated.layers.forEach(({ sqnr }, layer) => {
    expect(Math.abs(sqnr - central.layers[layer].sqnr)).toBeLessThan(3);
  });
  const session = await onnxruntimeInference.load(await readFile(federated.path));
  expect(await session.predict(new Float32Array(4), 1)).toHaveLength(3);
  await session.release();
}, 180_000);
