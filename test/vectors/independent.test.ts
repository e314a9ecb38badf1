/** The vectors are no golden numbers: a program that shares no code with Starling computes each of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('.', import.meta.url));
const oracle = fileURLToPath(new URL('../oracles/check-vectors.py', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython)
  process.stderr.write('SKIPPED: python3 is missing, so nobody else computes the test vectors\n');

const changed = mkdtempSync(join(tmpdir(), 'starling-vectors-'));
afterAll(() => rmSync(changed, { recursive: true }));

test.runIf(hasPython)('Python computes every vector from the specifications', () => {
  const printed = execFileSync('python3', [oracle, folder], { encoding: 'utf8' });
  expect(printed.trim().split('\n').sort()).toEqual(
    files.map((name) => `${name.replace('.json', '')}: as computed here`).sort(),
  );
});

/** One value in each file that follows from the others. */
const derived: Readonly<Record<string, RegExp>> = {
  encoding: /"clipRate": /,
  graph: /"threshold": (?=1)/,
  keys: /"sealed": "/,
  masks: /"packed": "/,
  plan: /"signature": "/,
  questions: /"vector": "/,
  ring: /"packed": "/,
  round: /"maskedSum": \[/,
  shamir: /"shares": \[\s*"/,
};

test.runIf(hasPython)('and would see a changed one, in each file', () => {
  for (const [name, place] of Object.entries(derived)) {
    cpSync(folder, changed, { recursive: true });
    const path = join(changed, `${name}.json`);
    const text = readFileSync(path, 'utf8');
    const match = place.exec(text);
    if (match === null) throw new Error(`${name}.json has no ${place}`);
    const at = match.index + match[0].length;
    writeFileSync(path, `${text.slice(0, at)}${text[at] === '1' ? '2' : '1'}${text.slice(at + 1)}`);
    const { status, stderr } = spawnSync('python3', [oracle, changed, name], { encoding: 'utf8' });
    expect(`${name}: ${status}`).toBe(`${name}: 1`);
    expect(stderr).toContain('but the vector says');
  }
});
