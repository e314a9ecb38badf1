import { expect, test } from 'vitest';
import { runCommandLine } from './command-line.js';
import { recordingTerminal } from './testing/recording-terminal.js';

const nowhere = '/proc/starling/a';

test.each([
  ['serve', '--data', nowhere],
  ['demo', '--folder', nowhere],
  ['authority', 'init', nowhere],
  ['key', 'create', '--out', `${nowhere}/owner.key`],
])('%s: a folder where nobody can make any is refused at once', async (...args) => {
  const { terminal, text } = recordingTerminal();
  expect(await runCommandLine([...args, '--json'], terminal)).toBe(2);
  expect(JSON.parse(text.err)).toMatchObject({
    error: {
      code: 'FOLDER_UNUSABLE',
      message: expect.stringContaining(nowhere),
      remedy: 'Name another one.',
    },
  });
});
