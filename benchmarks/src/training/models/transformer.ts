import { float, GraphBuilder, int, ints, type Model, tensorOf, type Value } from '@starling/engine';
import { filled, weight } from './weights.js';

export interface TransformerSizes {
  readonly vocabulary: number;
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
  readonly inner: number;
  readonly layers: number;
  readonly classes: number;
  /** Each token attends to those before it, and the last one decides: a language model, whose classes are tokens. */
  readonly causal?: boolean;
}

/** An encoder over embedded tokens, normalised after each part (Vaswani et al. 2017), and a dense layer on the mean, or on the last of them. */
export function transformer(sizes: TransformerSizes): Model {
  const { vocabulary, tokens, width, heads, inner, layers, classes, causal = false } = sizes;
  const b = new GraphBuilder({ name: 'transformer' });
  const dense = (x: Value, name: string, outputs: number): Value => {
    const inputs = Number(x.shape[x.shape.length - 1]);
    const w = weight(b, `${name}.weight`, [outputs, inputs], inputs);
    const product = b.op('MatMul', [x, b.op('Transpose', [w], { perm: ints([1, 0]) })]);
    return b.op('Add', [product, filled(b, `${name}.bias`, outputs, 0)]);
  };
  const norm = (x: Value, name: string): Value => {
    const inputs = [x, filled(b, `${name}.weight`, width, 1), filled(b, `${name}.bias`, width, 0)];
    return b.op('LayerNormalization', inputs, { axis: int(-1), epsilon: float(1e-5) });
  };
  const byHead = (x: Value, order: readonly number[]): Value => {
    const apart = b.op('Reshape', [x, b.ints([-1, tokens, heads, width / heads])]);
    return b.op('Transpose', [apart], { perm: ints(order) });
  };
  const attention = (x: Value, name: string): Value => {
    const joined = dense(x, `${name}.in_proj`, 3 * width);
    const [q, k, v] = b.ops('Split', [joined], 3, { axis: int(-1), num_outputs: int(3) });
    const product = b.op('MatMul', [byHead(q, [0, 2, 1, 3]), byHead(k, [0, 2, 3, 1])]);
    const scores = b.op('Mul', [product, b.scalar(1 / Math.sqrt(width / heads))]);
    const seen = causal ? b.op('Add', [scores, later(b, tokens)]) : scores;
    const mixed = b.op('MatMul', [b.op('Softmax', [seen], { axis: int(-1) }), byHead(v, [0, 2, 1, 3])]);
    const together = b.op('Transpose', [mixed], { perm: ints([0, 2, 1, 3]) });
    return dense(b.op('Reshape', [together, b.ints([-1, tokens, width])]), `${name}.out_proj`, width);
  };

  const indices = b.input('x', 'int64', ['batch', tokens]);
  const embedded = b.op('Gather', [weight(b, 'embedding.weight', [vocabulary, width], 6), indices]);
  let x = b.op('Add', [embedded, weight(b, 'position.weight', [tokens, width], 6)]);
  for (let layer = 0; layer < layers; layer++) {
    const name = `layers.${layer}`;
    x = norm(b.op('Add', [x, attention(x, `${name}.self_attn`)]), `${name}.norm1`);
    const active = b.op('Gelu', [dense(x, `${name}.linear1`, inner)]);
    x = norm(b.op('Add', [x, dense(active, `${name}.linear2`, width)]), `${name}.norm2`);
  }
  const pooled = causal
    ? b.op('Gather', [x, b.scalar(tokens - 1, 'int64')], { axis: int(1) })
    : b.op('ReduceMean', [x, b.ints([1])], { keepdims: int(0) });
  b.output(dense(pooled, 'dense', classes), 'y');
  return b.build();
}

/** Added to the scores of tokens that come later: enough that nothing of them is left. */
function later(b: GraphBuilder, tokens: number): Value {
  const mask = Float32Array.from({ length: tokens * tokens }, (_, at) =>
    at % tokens > Math.floor(at / tokens) ? -1e9 : 0,
  );
  return b.constant(tensorOf('float32', [tokens, tokens], mask), 'val_mask');
}
