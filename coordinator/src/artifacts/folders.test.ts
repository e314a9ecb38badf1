import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../testing/coordinator-fixture.js';
import { makeFolder, makeNamedFolder } from './folders.js';

test('a folder and those above it are made once, however many ask for them at a time', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true }));
  const made = await Promise.all(
    ['c', 'd', 'd'].map((name) => makeFolder(join(folder, 'a', 'b', name), 0o700)),
  );
  expect(made.filter((topmost) => topmost === join(folder, 'a'))).toHaveLength(1);
  for (const name of ['a', 'a/b', 'a/b/c', 'a/b/d']) {
    const { mode } = await stat(join(folder, name));
    expect(mode & 0o777).toBe(0o700);
  }
  expect(await makeFolder(join(folder, 'a', 'b', 'c'))).toBeUndefined();
  expect(await makeFolder(join(folder, 'a', 'e'))).toBe(join(folder, 'a', 'e'));
});

test('where none can be made is said which: below a file, and where a file system makes none', async () => {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'file');
  await writeFile(file, '');
  await expect(makeFolder(join(file, 'a', 'b'))).rejects.toThrow(file);
  await expect(makeFolder(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder('/proc/starling/a')).rejects.toThrow('/proc/starling');
  await expect(makeNamedFolder('/proc/starling/a')).rejects.toMatchObject({
    refusal: {
      code: 'FOLDER_UNUSABLE',
      message: expect.stringContaining('The folder /proc/starling/a cannot'),
    },
  });
});
