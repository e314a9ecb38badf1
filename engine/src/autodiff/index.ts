/** Gradients of ONNX graphs, as ONNX graphs. */
export { type DifferentiateRequest, differentiate } from './differentiate.js';
export { dropoutWithSeed } from './dropout.js';
export { AutodiffError, type AutodiffErrorCode } from './errors.js';
export { isTrainedLoop } from './loops.js';
export { lowerings } from './lowerings/index.js';
export { isLooped } from './lowerings/recurrent.js';
export { hasGradientRule, passesGradient } from './rules/index.js';
export { forTraining } from './training-forms/index.js';
