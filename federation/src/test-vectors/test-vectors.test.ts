import { expect, test } from 'vitest';
import { testVectors } from './index.js';
import { formatVectors } from './text.js';

test.each(Object.entries(testVectors))(
  'test/vectors/%s.json is what this implementation computes',
  async (name, build) => {
    await expect(formatVectors(build())).toMatchFileSnapshot(`../../../test/vectors/${name}.json`);
  },
);
