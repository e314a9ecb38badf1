import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';
import { compiledBeside } from '../isolation/index.js';
import { temporaryFolder } from '../testing/small-task.js';

test('messages of the greatest size that hold as many objects as can be are refused in a heap of 96 MB, and good rows stored', async () => {
  const program = compiledBeside(import.meta.url, '../testing/payload-bombs.js');
  const args = ['--max-old-space-size=96', program, await temporaryFolder()];
  const said = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, { env: {} }, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`after: ${stdout.trim().split('\n').at(-1)}`, { cause: error }));
    });
  });
  const told = said
    .trim()
    .split('\n')
    .map((line): { readonly name: string; readonly quarantined: boolean; readonly stored: number } =>
      JSON.parse(line),
    );
  expect(told.length).toBeGreaterThan(25);
  expect(told.filter(({ stored }) => stored !== 1)).toEqual([]);
  expect(told.filter(({ quarantined }) => !quarantined).map(({ name }) => name)).toEqual([
    'metrics without a row',
  ]);
});
