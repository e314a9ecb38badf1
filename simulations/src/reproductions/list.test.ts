import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { variantsOf } from '../commands/sweep.js';
import { readList } from './index.js';

const published = resolve(import.meta.dirname, '../../scenarios/reproductions.yaml');

test('every variant of the published list is a scenario, and no two of one scenario are the same', async () => {
  const list = await readList(published);
  expect(list.length).toBeGreaterThan(10);
  for (const entry of list) {
    if ('published' in entry) continue;
    const variants = Object.entries(entry.variants).map(([name, settings]) => ({
      name,
      point: Object.entries(settings),
    }));
    const made = await variantsOf(join(dirname(published), entry.scenario), variants, 'runs');
    expect(new Set(made.map(({ scenario }) => JSON.stringify(scenario))).size, entry.title).toBe(made.length);
  }
});

test('what is no list is refused with its place', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'starling-sim-list-'));
  try {
    const path = join(folder, 'list.yaml');
    await writeFile(path, '- { scenario: a.yaml, source: a paper, published: 0 }');
    await expect(readList(path)).rejects.toThrow(/is no list of reproductions/);
    await writeFile(
      path,
      '- { scenario: a.yaml, title: t, source: s, reports: r, columns: [speed], variants: {} }',
    );
    await expect(readList(path)).rejects.toThrow(/is no list of reproductions/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
