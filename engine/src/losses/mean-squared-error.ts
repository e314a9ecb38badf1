import { elementwiseLoss } from './elementwise.js';

/** `(y - t)²`, its derivative `2 (y - t)`. */
export const meanSquaredError = elementwiseLoss({
  metricNames: ['loss', 'meanAbsoluteError'],
  derivative(builder, output, target) {
    return builder.op('Mul', [builder.op('Sub', [output, target]), builder.scalar(2)]);
  },
  metrics(builder, output, target) {
    const error = builder.op('Sub', [output, target]);
    return [
      { name: 'loss', value: builder.op('Mul', [error, error]) },
      { name: 'meanAbsoluteError', value: builder.op('Abs', [error]) },
    ];
  },
});
