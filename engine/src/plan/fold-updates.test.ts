import { expect, test } from 'vitest';
import { lossGraph } from '../losses/index.js';
import { buildModel, namedModel } from '../models/index.js';
import type { Graph, Node } from '../onnx/index.js';
import { type OptimizerDefinition, optimizerGraph } from '../optimizers/index.js';
import { trainGraph } from './train-graph.js';

/** The nodes of one training step of the 2NN. */
function stepNodes(optimizer: OptimizerDefinition, proximalMu = 0): readonly Node[] {
  const { graph } = trainGraph({
    model: buildModel(namedModel('2nn')),
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
