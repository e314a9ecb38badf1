import { toNumbers } from '../../onnx/index.js';
import { type GradientRule, input, output, outputGradient } from '../context.js';
import { addScalar, mul, scale, sumTo } from '../expressions.js';

/** d(xᵖ) = p·xᵖ⁻¹ dx + xᵖ·log x dp. Constant exponents, as squares, get the short form. */
export const pow: GradientRule = (context) => {
  const { builder: b } = context;
  const [x, p] = [input(context, 0), input(context, 1)];
  const dy = outputGradient(context);
  if (context.needs(0)) {
    const constant = b.constantOf(p);
    const exponent = constant?.data.length === 1 ? toNumbers(constant)[0] : undefined;
    const slope =
      exponent === 2
        ? scale(b, x, 2)
        : exponent !== undefined
          ? scale(b, b.op('Pow', [x, b.scalar(exponent - 1, x.dataType)]), exponent)
          : mul(b, p, b.op('Pow', [x, addScalar(b, p, -1)]));
    context.give(0, sumTo(b, mul(b, dy, slope), x));
  }
  if (context.needs(1)) {
    context.give(1, sumTo(b, mul(b, dy, mul(b, output(context), b.op('Log', [x]))), p));
  }
};
