/**
 * Every operator that has a rule: its value and gradients against those that PyTorch computed, which generate-operators.py in
 * test/oracles stored, and its gradients against central differences.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Dense } from '../../onnx/evaluation/index.js';
import { type Attribute, type DataType, tensorOf, type Value } from '../../onnx/index.js';
import { upgradeNode } from '../../onnx/upgrade.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { gradientRules } from './index.js';

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface Case {
  readonly op: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Those that name their kind are constants; null stands for one that is left out. */
  readonly inputs: readonly ((Stored & { readonly kind?: DataType }) | null)[];
  /** How many the node names, of which the first is `y`. */
  readonly outputs: number;
  readonly y: Stored;
  /** The weights of y in what is differentiated. */
  readonly r: readonly number[];
  readonly gradients: readonly (readonly number[])[];
}

const file = new URL('../../../../test/oracles/operators.json', import.meta.url);
const { cases }: { readonly cases: readonly Case[] } = JSON.parse(readFileSync(file, 'utf8'));

const dense = ({ shape, data }: Stored): Dense => ({
  dataType: 'float32',
  shape,
  data: Float64Array.from(data),
});

/** The operator set in which GroupNormalization has a scale for each channel, as PyTorch does. */
const opset = 21;

test.each(cases.map((one, index) => ({ ...one, index })))(
  '$op, case $index, has the gradients of PyTorch and of differences',
  async ({ op, attributes, inputs, outputs, y, r, gradients, index }) => {
    const free = inputs.filter((input) => input !== null && input.kind === undefined);
    await checkGradient({
      inputs: free.map((input) => dense(input as Stored)),
      build: (b, values) => {
        const next = values[Symbol.iterator]();
        const operands = inputs.map((input): Value | undefined => {
          if (input === null) return undefined;
          if (input.kind === undefined) return next.next().value;
          return b.constant(tensorOf(input.kind, input.shape, input.data));
        });
        const names = operands.map((value) => value?.name ?? '');
        const results = Array.from({ length: outputs }, (_, i) => `result${i}`);
        const node = { name: op, opType: op, domain: '', inputs: names, outputs: results, attributes };
        return b.append(upgradeNode(node, opset, b))[0];
      },
      seed: index,
      expected: { r: dense({ shape: y.shape, data: r }), y: dense(y), gradients },
    });
  },
);

/** Held against PyTorch in quantize-linear.test.ts: what they pass has no differences. */
const elsewhere = ['DequantizeLinear', 'QuantizeLinear'];

test('no operator with a rule is without a case', () => {
  const covered = new Set([...cases.map(({ op }) => op), ...elsewhere]);
  expect([...gradientRules.keys()].filter((op) => !covered.has(op))).toEqual([]);
});
