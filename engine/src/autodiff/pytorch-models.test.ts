/** Imported models against PyTorch's and TensorFlow's losses and gradients: the generators in test/oracles say how they were made. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { checkGradients, relativeErrorMax } from '../gradient-check/index.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');

async function check(folder: string): Promise<void> {
  const { maxRelativeError, parameters, worst } = await checkGradients(folder);
  expect(parameters).toBeGreaterThan(0);
  expect(maxRelativeError, `relative error of the gradient of ${worst}`).toBeLessThan(relativeErrorMax);
}

const own = join(root, 'test/oracles/models');

test.each(readdirSync(own))('%s agrees with PyTorch to 1e-4', async (name) => {
  await check(join(own, name));
});

const keras = join(root, 'test/oracles/keras');

test.each(readdirSync(keras))('%s of Keras agrees with TensorFlow to 1e-4', async (name) => {
  await check(join(keras, name));
});

const shared = join(root, '../shared/reference/models');
const present = existsSync(shared);
if (!present) console.warn(`skipped: no reference models at ${shared}`);

test.skipIf(!present).each(['mlp', 'lenet', 'har', 'transformer'])(
  'the reference model %s agrees with PyTorch to 1e-4',
  async (name) => {
    await check(join(shared, name));
  },
);
