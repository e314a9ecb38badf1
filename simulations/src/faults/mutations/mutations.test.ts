/** Whether each deliberate bug can still be put in: a text that changed would be looked for in vain. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { mutations } from './mutations.js';

const root = resolve(import.meta.dirname, '../../../..');

test('there are more than ten, each with a name of its own', () => {
  expect(mutations.length).toBeGreaterThan(10);
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
});

test.each(mutations)(
  '$name has its place in the build once, and changes it',
  async ({ module, find, replace }) => {
    expect((await readFile(resolve(root, module), 'utf8')).split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  },
);

test('the guide lists every one of them', async () => {
  const guide = await readFile(resolve(root, 'docs/guides/faults.md'), 'utf8');
  expect(mutations.filter(({ name }) => !guide.includes(`| \`${name}\` |`))).toEqual([]);
});
