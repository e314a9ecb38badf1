/** The engine's losses in TensorFlow.js. */
import type * as Core from '@tensorflow/tfjs-core';
import type { LossDefinition } from '../../losses/index.js';

/** Metrics of each example, `[batch]`, `loss` among them. `output` is `[batch, …]`, `target` class indices or numbers. */
export function metricsOf(
  tf: typeof Core,
  definition: LossDefinition,
  output: Core.Tensor,
  target: Core.Tensor,
): Readonly<Record<string, Core.Tensor1D>> {
  const [batch] = output.shape;
  const rows = (value: Core.Tensor): Core.Tensor2D => tf.reshape(value, [batch, -1]);
  const mean = (value: Core.Tensor): Core.Tensor1D => tf.mean(rows(value), 1);
  if (definition.kind === 'softmax-cross-entropy') {
    const logits = rows(output);
    const expected = tf.oneHot(tf.cast(tf.reshape(target, [batch]), 'int32'), logits.shape[1]);
    const loss = tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), expected), 1)) as Core.Tensor1D;
    const right = tf.equal(tf.argMax(logits, 1), tf.cast(tf.reshape(target, [batch]), 'int32'));
    return { loss, accuracy: tf.cast(right, 'float32') as Core.Tensor1D };
  }
  const [y, t] = [rows(output), rows(target)];
  const error = tf.sub(y, t);
  switch (definition.kind) {
    case 'binary-cross-entropy': {
      const linear = tf.sub(tf.relu(y), tf.mul(y, t));
      const right = tf.equal(tf.greater(y, 0), tf.greater(t, 0.5));
      return {
        loss: mean(tf.add(linear, tf.softplus(tf.neg(tf.abs(y))))),
        accuracy: mean(tf.cast(right, 'float32')),
      };
    }
    case 'mean-squared-error':
      return { loss: mean(tf.square(error)), meanAbsoluteError: mean(tf.abs(error)) };
    case 'huber': {
      const clipped = tf.minimum(tf.abs(error), definition.delta);
      return {
        loss: mean(tf.mul(clipped, tf.sub(tf.abs(error), tf.mul(clipped, 0.5)))),
        meanAbsoluteError: mean(tf.abs(error)),
      };
    }
  }
}
