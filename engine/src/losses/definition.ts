/** The losses a plan can minimise; each is the weighted mean over a batch. */
export type LossDefinition =
  | { readonly kind: 'softmax-cross-entropy' }
  | { readonly kind: 'binary-cross-entropy' }
  | { readonly kind: 'mean-squared-error' }
  | { readonly kind: 'huber'; readonly delta: number };
