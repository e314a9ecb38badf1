import { floatAttribute } from '../../onnx/attributes.js';
import { dataTypeCode, int } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';
import { mul } from '../expressions.js';

/** x above α, and 0 elsewhere (Konda et al. 2015). */
export const thresholdedRelu: GradientRule = (context) => {
  const { builder: b, node } = context;
  const x = input(context, 0);
  const isAbove = b.op('Greater', [x, b.scalar(floatAttribute(node, 'alpha', 1), x.dataType)]);
  const mask = b.op('Cast', [isAbove], { to: int(dataTypeCode(x.dataType)) });
  context.give(0, mul(b, outputGradient(context), mask));
};
