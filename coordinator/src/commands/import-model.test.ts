import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from './command-line.js';
import { recordingTerminal } from './testing/recording-terminal.js';

const file = fileURLToPath(new URL('../../../test/oracles/models/residual/model.onnx', import.meta.url));
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'starling-import-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  [['--name', '../elsewhere'], /"..\/elsewhere" is no name of a task/],
  [['--name', '_hidden'], /letters, digits/],
  [['--lora-rank', '8'], /--lora-rank does nothing by itself/],
  [['--lora-alpha', '2'], /--lora-alpha does nothing by itself/],
  [['--dropout-before', '*'], /--dropout-before does nothing by itself/],
])('an import with %j is refused before anything is written', async (options, problem) => {
  const { terminal, text } = recordingTerminal();
  const output = join(folder, 'tasks');
  expect(await runCommandLine(['model', 'import', file, '-o', output, ...options], terminal)).toBe(2);
  expect(text.err).toMatch(problem);
  expect(readdirSync(folder)).toEqual([]);
});

test('adapters have the usual rank unless told, and a new head is trained beside them', async () => {
  const { terminal, text } = recordingTerminal();
  const options = ['--lora-targets', 'stem.weight', '--head', '7', '--json', '-o', folder];
  expect(await runCommandLine(['model', 'import', file, ...options], terminal)).toBe(0);
  const { trained } = JSON.parse(text.out) as { trained: { name: string; shape: number[] }[] };
  expect(trained.map(({ name }) => name)).toContain('head.weight');
  expect(trained.find(({ name }) => name === 'stem.weight.lora_a')?.shape[1]).toBe(4);
  expect(existsSync(join(folder, 'model.yaml'))).toBe(true);
});
