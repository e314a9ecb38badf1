import { dataTypeCode } from '../../onnx/data-types.js';
import { int } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { mul, sub } from '../expressions.js';
import { withinMask } from '../positive-mask.js';

/** 1 strictly between the bounds, 0 outside; a bound itself counts as inside, as in PyTorch. */
export const clip: GradientRule = (context) => {
  const { builder: b } = context;
  if (context.needs(1) || context.needs(2)) {
    unsupported(context, 'its bounds depend on a parameter', 'write it as Min and Max');
  }
  const x = input(context, 0);
  let gradient = outputGradient(context);
  // Each bound removes the part of the gradient beyond it: 1 - [x < low], 1 - [x > high]; as one operator where it can.
  for (const [index, comparison] of [
    [1, 'Less'],
    [2, 'Greater'],
  ] as const) {
    const bound = context.inputs[index];
    if (bound === undefined) continue;
    const inside = withinMask(b, x, bound, comparison);
    if (inside !== undefined) {
      gradient = mul(b, gradient, inside);
      continue;
    }
    const beyond = b.op('Cast', [b.op(comparison, [x, bound])], { to: int(dataTypeCode(x.dataType)) });
    gradient = mul(b, gradient, sub(b, b.scalar(1, x.dataType), beyond));
  }
  context.give(0, gradient);
};
