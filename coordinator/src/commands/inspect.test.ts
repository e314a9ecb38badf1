import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GraphBuilder, tensorOf, writeModel } from '@starling/engine';
import { afterAll, expect, test } from 'vitest';
import { inspectCommand } from './inspect.js';
import { recordingTerminal } from './testing/recording-terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'starling-inspect-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a model is told layer by layer, with its parameters and operators', () => {
  const file = fileURLToPath(new URL('../../../test/oracles/models/fire/model.onnx', import.meta.url));
  const { terminal, text } = recordingTerminal();
  inspectCommand({ file, json: false }, terminal);
  expect(text.out).toMatch(
    /^Opset 17\. Inputs: x float32 \[batch, 3, 12, 12\]\. Outputs: y float32 \[batch, 4\]\./,
  );
  expect(text.out).toMatch(/Conv \/stem\/Conv \[batch, 6, 5, 5\]: stem\.weight, stem\.bias/);
  expect(text.out).toMatch(/e3\.weight .*4,3,3,3.* Conv/);
  expect(text.out).toContain('Every operator has a gradient rule.');
});

test('parameters that the exporter folded away are named, and ones that it filled in are none', () => {
  const file = fileURLToPath(
    new URL('../../../test/oracles/models/fresh-norms-dynamo/model.onnx', import.meta.url),
  );
  const { terminal, text } = recordingTerminal();
  inspectCommand({ file, json: false }, terminal);
  expect(text.out).toContain('Not in the file under their names: batch.weight, batch.bias. ');
  expect(text.out).toMatch(/groups\.weight .*4,1,1.* Mul/);
  expect(text.out).not.toContain('filled-in');
});

test('an operator without a rule is an obstacle, with what to do about it', () => {
  const b = new GraphBuilder();
  const w = b.initializer('w', tensorOf('float32', [4, 4], new Array(16).fill(0.5)));
  const hidden = b.op('MatMul', [b.input('x', 'float32', ['batch', 4]), w]);
  b.output(b.op('Hardmax', [hidden], {}, { name: 'troubled' }), 'y');
  const file = join(folder, 'hardmax.onnx');
  writeFileSync(file, writeModel(b.build()));
  const { terminal, text } = recordingTerminal();
  inspectCommand({ file, json: false }, terminal);
  expect(text.out).toContain(
    'Obstacle: node troubled (Hardmax) has no gradient rule: freeze the parameters before it, or replace it in the model',
  );
  expect(text.out).not.toContain('Every operator');
});
