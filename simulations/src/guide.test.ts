/** The guide's examples run as they stand there. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');

test('every example of the guide runs and learns', async () => {
  const guide = await readFile(resolve(root, '../docs/guides/simulation.md'), 'utf8');
  const files = [...guide.matchAll(/^```js (\S+)\n(.*?)^```$/gms)].map(([, name, code]) => ({ name, code }));
  // Inside the package, so that its name leads to it.
  const folder = await mkdtemp(join(root, 'dist', 'guide-'));
  try {
    for (const { name, code } of files) await writeFile(join(folder, name), code);
    const examples = files.filter(({ code }) => code.includes('simulate('));
    expect(examples).toHaveLength(3);
    for (const { name } of examples) {
      const { stdout } = await promisify(execFile)(process.execPath, [join(folder, name)]);
      expect(Number(stdout), name).toBeGreaterThan(0.4);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
