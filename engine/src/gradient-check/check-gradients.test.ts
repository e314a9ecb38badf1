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

test('gradients that are too few are refused', async () => {
  const copy = join(folder, 'short');
  cpSync(join(models, 'fire'), copy, { recursive: true });
  writeFileSync(join(copy, 'gradients.f32'), new Uint8Array(8));
  await expect(checkGradients(copy)).rejects.toMatchObject({ code: 'model/invalid' });
});
