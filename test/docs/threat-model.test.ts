/** The threat model's claims name tests that are there, by file and by words of their titles. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../support/index.js';

interface Row {
  readonly claim: string;
  readonly shownBy: string;
}

/** The rows of all tables whose last column says what shows them. */
function rowsOf(page: string): readonly Row[] {
  const rows: Row[] = [];
  let inTable = false;
  for (const line of page.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    if (cells.length < 3) inTable = false;
    else if (cells.at(-2) === 'shown by') inTable = true;
    else if (inTable && !/^-+$/.test(cells[1])) rows.push({ claim: cells[1], shownBy: cells.at(-2) ?? '' });
  }
  return rows;
}

/** `a/{b,c}.ts` is two files. */
function filesOf(path: string): readonly string[] {
  const [, before, names, after] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
  return names === undefined ? [path] : names.split(',').map((name) => `${before}${name}${after}`);
}

/** Lines on which a test, a group of tests or a case of one has its name. */
async function titleLines(file: string): Promise<readonly string[]> {
  const source = await readFile(join(repositoryRoot, file), 'utf8');
  return source
    .split('\n')
    .filter((line) => /^\s*(test|describe)\b|^\s*[\])]+\(\s*['`"]|^\s*\[?['`"]/.test(line));
}

/** What is wrong with what a row says shows it. */
async function faultsOf({ claim, shownBy }: Row): Promise<readonly string[]> {
  const faults: string[] = [];
  const parts = shownBy.split('; ');
  for (const part of parts) {
    const [, path, titles = ''] = /^`([^`]+)`(?:: (.*))?$/.exec(part) ?? [];
    if (path === undefined) faults.push(`${claim}: ${part} names no file`);
    else if (path.startsWith('npm run ')) continue;
    else {
      const words = [...titles.matchAll(/"([^"]+)"/g)].map(([, quoted]) => quoted);
      const files = await Promise.all(filesOf(path).map((file) => titleLines(file).catch(() => [])));
      for (const wanted of words) {
        if (!files.some((lines) => lines.some((line) => line.includes(wanted)))) {
          faults.push(`${claim}: no test of ${path} is called "${wanted}"`);
        }
      }
      for (const lines of files) {
        if (!words.some((wanted) => lines.some((line) => line.includes(wanted)))) {
          faults.push(`${claim}: no test of a file of ${path} is named`);
        }
      }
    }
  }
  return faults;
}

test('each claim of the threat model names tests that are there', async () => {
  const rows = rowsOf(await readFile(join(repositoryRoot, 'docs/threat-model.md'), 'utf8'));
  expect(rows.length).toBeGreaterThan(50);
  expect((await Promise.all(rows.map(faultsOf))).flat()).toEqual([]);
});

test('the check finds rows that name nothing', async () => {
  const here = 'test/docs/threat-model.test.ts';
  const faults = async (shownBy: string) => (await faultsOf({ claim: 'all is well', shownBy })).length;
  expect(await faults(`\`${here}\`: "the check finds rows"`)).toBe(0);
  expect(await faults(`\`${here}\`: "the check finds rows", "another title"`)).toBe(1);
  expect(await faults(`\`${here}\``)).toBe(1);
  expect(await faults('`test/docs/nothing.test.ts`: "the check finds rows"')).toBe(2);
  expect(await faults('`test/docs/{threat-model,docs}.test.ts`: "the check finds rows"')).toBe(1);
  expect(await faults('the same')).toBe(1);
});
