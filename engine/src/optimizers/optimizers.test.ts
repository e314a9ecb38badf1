import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { GraphBuilder, graphAttribute, int, type Value, writeModel } from '../onnx/index.js';
import { type OptimizerDefinition, optimizerGraph } from './index.js';

interface Oracle {
  readonly learningRate: number;
  readonly start: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly cases: readonly {
    readonly optimizer: OptimizerDefinition;
    readonly parameters: readonly (readonly number[])[];
  }[];
}

// Made by test/oracles/optimizers.py.
const oracle: Oracle = JSON.parse(
  readFileSync(new URL('../../../test/oracles/optimizers.json', import.meta.url), 'utf8'),
);

/** The parameters after every step, from a loop like a plan's whose gradients are given. */
async function follow(definition: OptimizerDefinition): Promise<Float32Array> {
  const optimizer = optimizerGraph(definition);
  const count = oracle.start.length;
  const steps = oracle.gradients.length;
  const outer = new GraphBuilder();
  const learningRate = outer.input('learningRate', 'float32', []);
  const stepNumbers = outer.input('stepNumbers', 'float64', [steps]);
  const gradients = outer.input('gradients', 'float32', [steps, count]);
  const start = outer.input('start', 'float32', [count]);
  const zeros = outer.op('Sub', [start, start]);
  const prepared = optimizer.prepare(outer, {
    learningRate,
    stepNumbers: optimizer.needsStepNumbers ? stepNumbers : undefined,
  });
  const states = [start, ...optimizer.slotNames.map(() => zeros)];
  const scanned = [gradients, ...prepared.perStep];

  const body = outer.subgraph('step');
  const [parameter, ...slots] = states.map((_, at) => body.input(`state${at}`, 'float32', [count]));
  const slices = scanned.map((value, at) => body.input(`slice${at}`, 'float32', value.shape.slice(1)));
  const scaled = (gradient: Value): Value =>
    prepared.gradientScale === undefined ? gradient : body.op('Mul', [gradient, prepared.gradientScale]);
  const update = optimizer.update(body, {
    parameter,
    gradient: scaled(slices[0]),
    slots,
    constants: prepared.constants,
    perStep: slices.slice(1),
  });
  for (const value of [update.parameter, ...update.slots]) body.output(value);
  body.output(update.parameter);
  const results = outer.ops('Scan', [...states, ...scanned], states.length + 1, {
    body: graphAttribute(body.graph()),
    num_scan_inputs: int(scanned.length),
  });
  outer.output(results[states.length], 'path');

  const session = await InferenceSession.create(writeModel(outer.build()), { logSeverityLevel: 3 });
  const { path } = await session.run({
    learningRate: new Tensor('float32', [oracle.learningRate], []),
    stepNumbers: new Tensor(
      'float64',
      oracle.gradients.map((_, at) => at + 1),
      [steps],
    ),
    gradients: new Tensor('float32', oracle.gradients.flat(), [steps, count]),
    start: new Tensor('float32', oracle.start, [count]),
  });
  await session.release();
  if (!(path.data instanceof Float32Array)) throw new Error('the path must be float32');
  return path.data;
}

test.each(oracle.cases)(
  "$optimizer.kind takes PyTorch's path ($optimizer)",
  async ({ optimizer, parameters }) => {
    const path = await follow(optimizer);
    const expected = parameters.flat();
    expect(path.length).toBe(expected.length);
    // Float32 against double over twelve steps.
    const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(path[at] - value)), 0);
    expect(worst).toBeLessThan(2e-6);
  },
);
