/** The small task with a batch normalisation that stays with each device. */
import {
  compilePlan,
  float,
  GraphBuilder,
  importModel,
  initializeParameters,
  tensorOf,
} from '@starling/engine';
import type { SmallTask } from './small-task.js';

const units = 6;

export function normalizedTask(): SmallTask {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 2]);
  const wave = (name: string, shape: readonly number[], scale = 0.5, shift = 0) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, (_, i) => shift + scale * Math.sin(2 * i + name.length));
    return b.initializer(name, tensorOf('float32', shape, values));
  };
  const hidden = b.op('Gemm', [x, wave('first.weight', [2, units]), wave('first.bias', [units])]);
  const stored = [
    wave('norm.weight', [units], 0.1, 1),
    wave('norm.bias', [units]),
    wave('norm.mean', [units], 0),
    wave('norm.variance', [units], 0, 1),
  ];
  const normal = b.op('BatchNormalization', [hidden, ...stored], { momentum: float(0.5) });
  b.output(b.op('MatMul', [b.op('Relu', [normal]), wave('last.weight', [units, 2])]));
  const model = importModel(b.build(), { batchNorm: 'local' });
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 8,
  });
  return { plan, parameters: initializeParameters(model, 0) };
}
