import { type GradientRule, outputGradient } from '../context.js';

export const identity: GradientRule = (context) => {
  context.give(0, outputGradient(context));
};
