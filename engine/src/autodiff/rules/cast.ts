import { dataTypeCode } from '../../onnx/data-types.js';
import { int } from '../../onnx/index.js';
import { type GradientRule, input, outputGradient } from '../context.js';

/** Between floating-point types (the only ones a gradient passes): cast back. */
export const cast: GradientRule = (context) => {
  const { dataType } = input(context, 0);
  const dy = outputGradient(context);
  const same = dataType === dy.dataType;
  context.give(0, same ? dy : context.builder.op('Cast', [dy], { to: int(dataTypeCode(dataType)) }));
};
