import { toNumbers } from '../../onnx/index.js';
import { type GradientRule, outputGradient, unsupported } from '../context.js';

/**
 * The ONNX operator as exporters leave it, switched off: the identity. Switched on it would draw from a
 * generator that takes no seed when the graph runs, so it is refused; `dropoutWithSeed` is the form for training.
 */
export const dropout: GradientRule = (context) => {
  const training = context.inputs[2];
  const constant = training && context.builder.constantOf(training);
  if (training !== undefined && (constant === undefined || toNumbers(constant)[0] !== 0)) {
    unsupported(context, 'it draws random numbers that no seed decides', 'use dropoutWithSeed');
  }
  context.give(0, outputGradient(context));
};
