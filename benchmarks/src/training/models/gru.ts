import { GraphBuilder, int, ints, type Model } from '@starling/engine';
import { filled, weight } from './weights.js';

export interface GruSizes {
  readonly steps: number;
  readonly channels: number;
  readonly hidden: number;
  readonly classes: number;
}

/** A GRU as PyTorch's `nn.GRU` computes it, and a dense layer on its last state. */
export function gru({ steps, channels, hidden, classes }: GruSizes): Model {
  const b = new GraphBuilder({ name: 'gru' });
  const x = b.input('x', 'float32', ['batch', steps, channels]);
  const sequence = b.op('Transpose', [x], { perm: ints([1, 0, 2]) });
  const w = weight(b, 'gru.weight_ih', [1, 3 * hidden, channels], 6 * hidden);
  const r = weight(b, 'gru.weight_hh', [1, 3 * hidden, hidden], 6 * hidden);
  const bias = weight(b, 'gru.bias', [1, 6 * hidden], 6 * hidden);
  const attributes = { hidden_size: int(hidden), linear_before_reset: int(1) };
  const [states] = b.ops('GRU', [sequence, w, r, bias], 2, attributes);
  const last = b.op('Gather', [b.op('Squeeze', [states, b.ints([1])]), b.scalar(-1, 'int64')], {
    axis: int(0),
  });
  const dense = weight(b, 'dense.weight', [classes, hidden], hidden);
  b.output(b.op('Gemm', [last, dense, filled(b, 'dense.bias', classes, 0)], { transB: int(1) }), 'y');
  return b.build();
}
