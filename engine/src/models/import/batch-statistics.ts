/** Batch normalisation that learns its statistics, from the inference form in which models are exported. */
import { describe, floatAttribute } from '../../onnx/attributes.js';
import { dataTypeCode, type Graph, type GraphBuilder, int, type Node, type Value } from '../../onnx/index.js';
import { ModelError } from '../errors.js';
import type { ParameterTensor } from './trainable-tensors.js';

/**
 * The stored means and variances of a graph's batch normalisations: inputs 3 and 4.
 * @throws ModelError where there are none, for exporters fold them into the convolutions before
 */
export function statisticTensors(graph: Graph): readonly ParameterTensor[] {
  const found = graph.nodes.flatMap((node) =>
    node.opType === 'BatchNormalization'
      ? node.inputs.slice(3, 5).flatMap((name): ParameterTensor[] => {
          const tensor = graph.initializers.get(name);
          return tensor === undefined ? [] : [{ name, tensor, usedBy: node.opType }];
        })
      : [],
  );
  if (found.length > 0) return found;
  throw new ModelError(
    'model/invalid',
    'batchNorm: the model has no batch normalisation left; export it with training=TrainingMode.PRESERVE, or optimize=False, which keep it as a layer',
  );
}

/** Names of all that a graph's batch normalisations hold: scales, shifts, means, variances. */
export function normalizationTensors(graph: Graph): ReadonlySet<string> {
  return new Set(
    graph.nodes.flatMap(({ opType, inputs }) =>
      opType === 'BatchNormalization'
        ? inputs.slice(1, 5).filter((name) => graph.initializers.has(name))
        : [],
    ),
  );
}

export interface BatchStatistics {
  readonly output: Value;
  /** The running ones after this batch, `[channels]`. */
  readonly mean: Value;
  readonly variance: Value;
}

/**
 * Ioffe and Szegedy 2015, algorithm 1, over the examples of a batch whose weight is not 0: with those that fill up a last
 * batch, means would be too small. Running ones move as ONNX's BatchNormalization defines: `old · momentum + batch · (1 - momentum)`,
 * with the population's variance.
 */
export function normalizeByBatch(
  b: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
  weights: Value,
): BatchStatistics {
  const [x, scale, shift, mean, variance] = inputs;
  if (!x || !scale || !shift || !mean || !variance) {
    throw new ModelError('model/invalid', `${describe(node)} lacks an input; export the model again`);
  }
  const spatial = x.shape.slice(2);
  const axes = b.ints(x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])));
  const perChannel = (value: Value) => b.op('Reshape', [value, b.ints([1, -1, ...spatial.map(() => 1)])]);
  const sum = (value: Value) => b.op('ReduceSum', [value, axes], { keepdims: int(1) });
  const present = b.op('Cast', [b.op('Greater', [weights, b.scalar(0)])], {
    to: int(dataTypeCode('float32')),
  });
  const mask = b.op('Reshape', [present, b.ints([-1, 1, ...spatial.map(() => 1)])]);
  const size = spatial.reduce<number>((product, one) => product * Number(one), 1);
  const count = b.op('Mul', [b.op('ReduceSum', [present], { keepdims: int(0) }), b.scalar(size)]);

  const batchMean = b.op('Div', [sum(b.op('Mul', [x, mask])), count]);
  const centred = b.op('Sub', [x, batchMean]);
  const squares = b.op('Mul', [b.op('Mul', [centred, centred]), mask]);
  const batchVariance = b.op('Div', [sum(squares), count]);
  const epsilon = b.scalar(floatAttribute(node, 'epsilon', 1e-5));
  const deviation = b.op('Sqrt', [b.op('Add', [batchVariance, epsilon])]);
  const factor = b.op('Div', [perChannel(scale), deviation]);
  const output = b.op('Add', [b.op('Mul', [centred, factor]), perChannel(shift)]);

  const momentum = floatAttribute(node, 'momentum', 0.9);
  const moved = (running: Value, batch: Value) =>
    b.op('Add', [
      b.op('Mul', [running, b.scalar(momentum)]),
      b.op('Mul', [b.op('Reshape', [batch, b.ints([-1])]), b.scalar(1 - momentum)]),
    ]);
  return { output, mean: moved(mean, batchMean), variance: moved(variance, batchVariance) };
}
