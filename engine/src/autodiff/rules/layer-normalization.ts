import { intAttribute } from '../../onnx/attributes.js';
import { normalizeAxis, product } from '../../onnx/dimensions.js';
import { type GraphBuilder, type Tensor, tensorOf, type Value } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { gemm, mul, reduceMean, reshape, reshapeLike, sub, sumTo } from '../expressions.js';

/** Group normalisation scales later, by channel, and passes ones here. */
const isOnes = (weight: Tensor | undefined): boolean =>
  weight?.data.every((x: number | bigint) => x === 1) ?? false;

/**
 * Ba et al. 2016. With c = x - mean, x̂ = c / σ and g = scale ⊙ dy: dx = (g - mean(g) - x̂ · mean(g ⊙ x̂)) / σ, means
 * over the normalised axes. The operator already computed mean and 1/σ and is asked for them. Of x̂ only c is made, and
 * 1/σ multiplies what there is one of for each row: that leaves 7 passes over all elements, where there would be 10.
 */
export const layerNormalization: GradientRule = (context) => {
  const { builder: b, node } = context;
  const [x, weight] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  const first = normalizeAxis(intAttribute(node, 'axis', -1), x.shape.length);
  const inverse = b.requireOutput(node, 2);
  const centred = sub(b, x, b.requireOutput(node, 1));
  const projected = mul(b, dy, centred);
  if (context.needs(0)) {
    const scaled = !isOnes(b.constantOf(weight));
    const mean = scaled ? meanWeighted(b, weight, first) : meanOver(b, x, first);
    const along = [inverse, inverse, inverse].reduce((factor, by) => mul(b, factor, by), mean(projected));
    const across = mul(b, sub(b, scaled ? mul(b, dy, weight) : dy, mean(dy)), inverse);
    context.give(0, sub(b, across, mul(b, centred, along)));
  }
  if (context.needs(1)) context.give(1, sumOfRows(b, projected, inverse, weight));
  if (context.needs(2)) context.give(2, sumTo(b, dy, input(context, 2)));
};

type Mean = (value: Value) => Value;

function meanOver(b: GraphBuilder, x: Value, first: number): Mean {
  const axes = x.shape.map((_, axis) => axis).slice(first);
  return (value) => reduceMean(b, value, axes);
}

/** mean(weight ⊙ value): a product of matrix and vector where one axis is normalised. */
function meanWeighted(b: GraphBuilder, weight: Value, first: number): Mean {
  const [size] = weight.shape;
  if (weight.shape.length !== 1 || typeof size !== 'number') {
    return (value) => meanOver(b, value, first)(mul(b, value, weight));
  }
  // By a vector: ONNX Runtime would take a scalar into the product, and leaves its fast path for vectors with it.
  const share = b.constant(tensorOf(weight.dataType, [size], Array<number>(size).fill(1 / size)));
  const column = reshape(b, mul(b, weight, share), [size, 1]);
  return (value) => b.op('MatMul', [value, column]);
}

/** Σ factor ⊙ value over the rows, of which each has one factor. */
function sumOfRows(b: GraphBuilder, value: Value, factor: Value, target: Value): Value {
  if (target.shape.length !== 1) return sumTo(b, mul(b, value, factor), target);
  const rows = product(value.shape.slice(0, -1));
  const sum = gemm(b, reshape(b, factor, [1, rows]), reshape(b, value, [rows, target.shape[0]]), {});
  return reshapeLike(b, sum, target);
}
