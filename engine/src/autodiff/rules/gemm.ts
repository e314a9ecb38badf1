import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import * as expressions from '../expressions.js';

/** Y = α·A′B′ + β·C, where ′ is a transposition or nothing. */
export const gemm: GradientRule = (context) => {
  const { builder, node } = context;
  const [a, b] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  const alpha = floatAttribute(node, 'alpha', 1);
  const transA = intAttribute(node, 'transA', 0) !== 0;
  const transB = intAttribute(node, 'transB', 0) !== 0;
  if (context.needs(0)) {
    const gradient = transA
      ? expressions.gemm(builder, b, dy, { alpha, transA: transB, transB: true })
      : expressions.gemm(builder, dy, b, { alpha, transB: !transB });
    context.give(0, gradient);
  }
  if (context.needs(1)) {
    const gradient = transB
      ? expressions.gemm(builder, dy, a, { alpha, transA: true, transB: transA })
      : expressions.gemm(builder, a, dy, { alpha, transA: !transA });
    context.give(1, gradient);
  }
  if (context.needs(2)) {
    const sum = expressions.sumTo(builder, dy, input(context, 2));
    context.give(2, expressions.scale(builder, sum, floatAttribute(node, 'beta', 1)));
  }
};
