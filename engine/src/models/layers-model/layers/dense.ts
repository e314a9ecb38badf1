import { activate, type Layer, requireUsual } from './layer.js';

export const dense: Layer = ({ b, weight }, [x], config) => {
  const bias = config.use_bias === false ? undefined : weight('bias');
  const product = b.op('MatMul', [x, weight('kernel')]);
  return activate(b, bias === undefined ? product : b.op('Add', [product, bias]), config.activation);
};

/** Indices to rows of a table. */
export const embedding: Layer = ({ b, weight }, [x], config) => {
  // Later layers would have to leave out what is masked.
  requireUsual(config, 'mask_zero', [false]);
  return b.op('Gather', [weight('embeddings'), b.op('Cast', [x], { to: { kind: 'int', value: 7 } })]);
};
