import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { runCommandLine } from './command-line.js';
import { recordingTerminal } from './testing/recording-terminal.js';

const file = fileURLToPath(new URL('../../../test/oracles/models/mlp/model.onnx', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'starling-quantize-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  [['--accuracy-drop', '-1'], /--accuracy-drop must be a number from 0/],
  [['--accuracy-drop', 'half'], /--accuracy-drop must be a number from 0/],
  [['--sparsity', '1.5'], /--sparsity must be a number from 0/],
  [[], /takes \d+ numbers for an example, and the contract has features of 5/],
])('%j is refused, with what is wrong', async (options, problem) => {
  const contract = join(folder, 'contract.json');
  const features = [{ name: 'x', dataType: 'float32', shape: [5], range: [-1, 1] }];
  const target = { kind: 'class', name: 'label', classes: 3 };
  writeFileSync(contract, JSON.stringify({ features, target }));
  const { terminal, text } = recordingTerminal();
  const named = ['--contract', contract, '--examples', folder, '-o', join(folder, 'q.onnx')];
  expect(await runCommandLine(['model', 'quantize', file, ...named, ...options], terminal)).toBe(2);
  expect(text.err).toMatch(problem);
});
