import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { checkGradients, relativeErrorMax } from './index.js';

const models = join(dirname(fileURLToPath(import.meta.url)), '../../../test/oracles/models');
const folder = mkdtempSync(join(tmpdir(), 'starling-gradients-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('one wrong number of one gradient is noticed, and its parameter named', async () => {
  const copy = join(folder, 'wrong');
  cpSync(join(models, 'fire'), copy, { recursive: true });
  const file = join(copy, 'gradients.f32');
  const bytes = readFileSync(file);
  bytes.writeFloatLE(bytes.readFloatLE(0) + 0.1, 0);
  writeFileSync(file, bytes);
  const { maxRelativeError, worst } = await checkGradients(copy);
  expect(maxRelativeError).toBeGreaterThan(relativeErrorMax);
  expect(worst).toBe('stem.weight');
});

test('a gradient of nothing but rounding is told apart, and a small one is not', async () => {
  const copy = join(folder, 'small');
  cpSync(join(models, 'activations'), copy, { recursive: true });
  const { maxRelativeError, negligible } = await checkGradients(copy);
  expect(maxRelativeError).toBeLessThan(relativeErrorMax);
  // A softmax that is saturated: 3e-8 of all gradients.
  expect(negligible).toEqual(['layers.19.weight', 'layers.19.bias']);
  const { offset } = JSON.parse(readFileSync(join(copy, 'reference.json'), 'utf8')).gradients[
    'layers.19.bias'
  ];
  const file = join(copy, 'gradients.f32');
  const bytes = readFileSync(file);
  // What is 2e-6 of all gradients counts by its own length.
  bytes.writeFloatLE(1e-4, 4 * offset);
  writeFileSync(file, bytes);
  expect((await checkGradients(copy)).worst).toBe('layers.19.bias');
});

test('gradients that are too few are refused', async () => {
  const copy = join(folder, 'short');
  cpSync(join(models, 'fire'), copy, { recursive: true });
  writeFileSync(join(copy, 'gradients.f32'), new Uint8Array(8));
  await expect(checkGradients(copy)).rejects.toMatchObject({ code: 'model/invalid' });
});
