import { elementwiseLoss } from './elementwise.js';
import type { LossGraph } from './loss-graph.js';

/**
 * Huber 1964: `e² / 2` for errors `e = y - t` up to `delta`, `delta (|e| - delta / 2)` beyond; its derivative is
 * `e` clipped to `[-delta, delta]`.
 */
export function huber(delta: number): LossGraph {
  return elementwiseLoss({
    metricNames: ['loss', 'meanAbsoluteError'],
    derivative(builder, output, target) {
      const error = builder.op('Sub', [output, target]);
      return builder.op('Clip', [error, builder.scalar(-delta), builder.scalar(delta)]);
    },
    metrics(builder, output, target) {
      const magnitude = builder.op('Abs', [builder.op('Sub', [output, target])]);
      // With c = min(|e|, delta), both branches are c (|e| - c / 2).
      const clipped = builder.op('Min', [magnitude, builder.scalar(delta)]);
      const half = builder.op('Mul', [clipped, builder.scalar(0.5)]);
      return [
        { name: 'loss', value: builder.op('Mul', [clipped, builder.op('Sub', [magnitude, half])]) },
        { name: 'meanAbsoluteError', value: magnitude },
      ];
    },
  });
}
