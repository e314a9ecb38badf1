import { expect, test } from 'vitest';
import { lossGraph } from '../losses/index.js';
import { importModel, initializeParameters, namedModel } from '../models/index.js';
import { buildModel, type TrainableModel } from '../models/trainable.js';
import { type Graph, GraphBuilder, int, type Node, tensorOf } from '../onnx/index.js';
import { type OptimizerDefinition, optimizerGraph } from '../optimizers/index.js';
import { onnxruntimeTraining } from '../runtimes/index.js';
import { compilePlan } from './compile.js';
import { trainGraph } from './train-graph.js';

/** The nodes of one training step, of the 2NN where nothing else is given. */
function stepNodes(
  optimizer: OptimizerDefinition,
  proximalMu = 0,
  model = buildModel(namedModel('2nn')),
): readonly Node[] {
  const { graph } = trainGraph({
    model,
    loss: lossGraph({ kind: 'softmax-cross-entropy' }),
    optimizer: optimizerGraph(optimizer),
    batchSize: 10,
    proximalMu,
    correction: false,
  });
  const bodies = graph.graph.nodes.flatMap((node): readonly Graph[] =>
    node.attributes.body?.kind === 'graph' ? [node.attributes.body.value] : [],
  );
  expect(bodies).toHaveLength(1);
  return bodies[0].nodes;
}

const updates = (nodes: readonly Node[]): readonly Node[] =>
  nodes.filter(({ opType, attributes }) => opType === 'Gemm' && attributes.beta !== undefined);

test('with SGD, each weight and each bias is updated by the product that gives its gradient', () => {
  const nodes = stepNodes({ kind: 'sgd' });
  expect(updates(nodes)).toHaveLength(6);
  expect(updates(nodes).filter(({ inputs }) => inputs[0] === 'ones/10')).toHaveLength(3);
  expect(nodes.filter(({ opType }) => opType === 'Add' || opType === 'ReduceSum')).toHaveLength(0);
});

test('with momentum, each velocity is, its factor included', () => {
  const betas = updates(stepNodes({ kind: 'momentum', momentum: 0.9, nesterov: false })).map(
    ({ attributes }) => attributes.beta,
  );
  expect(betas).toEqual(Array.from({ length: 3 }, () => ({ kind: 'float', value: Math.fround(0.9) })));
});

test('a gradient that something else needs too is left alone', () => {
  const adam = { kind: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
  expect(updates(stepNodes(adam))).toHaveLength(0);
  expect(updates(stepNodes({ kind: 'momentum', momentum: 0.9, nesterov: true }))).toHaveLength(0);
  expect(updates(stepNodes({ kind: 'sgd' }, 0.1))).toHaveLength(0);
});

/** The mean of embedded tokens, and a dense layer. */
function embedding(): TrainableModel {
  const b = new GraphBuilder();
  const numbers = (count: number) => Array.from({ length: count }, (_, at) => Math.sin(at));
  const tokens = b.input('tokens', 'int64', ['batch', 4]);
  const table = b.initializer('table', tensorOf('float32', [9, 3], numbers(27)));
  const mean = b.op('ReduceMean', [b.op('Gather', [table, tokens]), b.ints([1])], { keepdims: int(0) });
  b.output(b.op('MatMul', [mean, b.initializer('weight', tensorOf('float32', [3, 2], numbers(6)))]), 'y');
  return importModel(b.build());
}

test('an embedding is updated where tokens took from it, by what a sum of all gradients gives', async () => {
  const model = embedding();
  const opTypes = stepNodes({ kind: 'sgd' }, 0, model).map(({ opType }) => opType);
  expect(opTypes).toContain('ScatterND');
  expect(opTypes).not.toContain('Add');
  const deltas = await Promise.all(
    [false, true].map(async (correction) => {
      const plan = compilePlan(model, {
        loss: { kind: 'softmax-cross-entropy' },
        optimizer: { kind: 'sgd' },
        batchSize: 5,
        correction,
      });
      const session = await onnxruntimeTraining.load(plan);
      const { delta } = await session.train({
        parameters: initializeParameters(model, 1),
        // Of nothing: gradients are added to it before they become an update.
        ...(correction ? { correction: new Float32Array(33) } : {}),
        examples: {
          count: 15,
          readFeatures: (_, out) => out.set(out.map((_value, at) => (at * 5) % 7)),
          readTargets: (_, out) => out.set(out.map((_value, at) => at % 2)),
        },
        epochs: 1,
        learningRate: 0.1,
        seed: 1,
      });
      await session.release();
      return delta;
    }),
  );
  deltas[0].forEach((value, at) => {
    expect(value).toBeCloseTo(deltas[1][at], 6);
  });
  expect(deltas[0].subarray(21, 27)).toEqual(new Float32Array(6));
  expect(deltas[0].subarray(0, 21).every((value) => value !== 0)).toBe(true);
});
