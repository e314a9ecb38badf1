import { intAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import type { Tensor } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { mul, reduceMean, sub, sumTo } from '../expressions.js';

/** Group normalisation scales later, by channel, and passes ones here. */
const isOnes = (weight: Tensor | undefined): boolean =>
  weight?.data.every((x: number | bigint) => x === 1) ?? false;

/**
 * Ba et al. 2016. With x̂ = (x - mean) / σ and g = scale ⊙ dy: dx = (g - mean(g) - x̂ · mean(g ⊙ x̂)) / σ, means
 * over the normalised axes. The operator already computed mean and 1/σ and is asked for them.
 */
export const layerNormalization: GradientRule = (context) => {
  const { builder: b, node } = context;
  const [x, weight] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  const first = normalizeAxis(intAttribute(node, 'axis', -1), x.shape.length);
  const axes = x.shape.map((_, axis) => axis).slice(first);
  const inverse = b.requireOutput(node, 2);
  const normalized = mul(b, sub(b, x, b.requireOutput(node, 1)), inverse);
  if (context.needs(0)) {
    const g = isOnes(b.constantOf(weight)) ? dy : mul(b, dy, weight);
    const projection = mul(b, normalized, reduceMean(b, mul(b, g, normalized), axes));
    context.give(0, mul(b, sub(b, sub(b, g, reduceMean(b, g, axes)), projection), inverse));
  }
  if (context.needs(1)) context.give(1, sumTo(b, mul(b, dy, normalized), weight));
  if (context.needs(2)) context.give(2, sumTo(b, dy, input(context, 2)));
};
