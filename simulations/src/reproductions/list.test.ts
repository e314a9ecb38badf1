import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createSystemClock } from '../adapters/index.js';
import { runCommandLine } from '../commands/command-line.js';
import { variantsOf } from '../commands/sweep.js';
import { parseScenario } from '../scenario/index.js';
import { pageOf, readList } from './index.js';

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

test('the page is what the command writes, and has every scenario of the list with the figure that was published', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../../docs/reproductions.md'), 'utf8');
  const [words] = pageOf([], 'simulations/scenarios/reproductions.yaml').split('| scenario |');
  expect(page.startsWith(words)).toBe(true);
  for (const entry of await readList(published)) {
    const rows = page.split('\n').filter((line) => line.startsWith(`| [${entry.scenario.split('.')[0]}](`));
    if ('published' in entry) {
      expect(rows, entry.scenario).toHaveLength(1);
      expect(rows[0]).toContain(`| ${entry.source} | ${entry.published} |`);
    } else for (const name of Object.keys(entry.variants)) expect(page).toContain(`\n| ${name} |`);
  }
});

test('a page that is written without the runs keeps what it said of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'starling-sim-recall-'));
  try {
    const page = resolve(import.meta.dirname, '../../../docs/reproductions.md');
    const [copy, list] = [join(folder, 'page.md'), 'simulations/scenarios/reproductions.yaml'];
    const before = await readFile(page, 'utf8');
    await writeFile(copy, before);
    const [out, err] = [new PassThrough().resume(), new PassThrough()];
    const terminal = { out, err, env: {}, clock: createSystemClock(), signal: new AbortController().signal };
    const args = ['reproduce', published, '--table-only', '-o', join(folder, 'none'), '--write', copy];
    expect(await runCommandLine(args, terminal)).toBe(0);
    expect((await readFile(copy, 'utf8')).replaceAll(published, list)).toBe(before);
    await writeFile(
      copy,
      before.replace('| variant | accuracy | accuracy lately | training loss |', '| variant | accuracy |'),
    );
    expect(await runCommandLine(args, terminal)).toBe(0);
    expect(await readFile(copy, 'utf8')).toContain('| partial work | not run | not run | not run |');
  } finally {
    await rm(folder, { recursive: true });
  }
});

// Rounds are counted where accuracy was measured: with rounds between, more would be counted than passed.
test('scenarios that count rounds measure after each', async () => {
  for (const { scenario } of (await readList(published)).filter((entry) => 'published' in entry)) {
    const text = await readFile(join(dirname(published), scenario), 'utf8');
    const { evaluation, stop } = parseScenario(text, dirname(published)).scenario;
    expect(evaluation.everyRounds, scenario).toBe(1);
    expect(stop.target?.metric, scenario).toBe('accuracy');
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
