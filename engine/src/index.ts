export {
  AutodiffError,
  type AutodiffErrorCode,
  type DifferentiateRequest,
  differentiate,
} from './autodiff/index.js';
export * from './examples/index.js';
export * from './gradient-check/index.js';
export * from './losses/index.js';
export * from './models/index.js';
export {
  type Attribute,
  float,
  GraphBuilder,
  int,
  ints,
  type Model,
  OnnxError,
  type OnnxErrorCode,
  readModel,
  string,
  tensorOf,
  type Value,
  writeModel,
} from './onnx/index.js';
export * from './optimizers/index.js';
export * from './plan/index.js';
export * from './quantize/index.js';
export { mix32, type RandomGenerator, randomStream, standardNormal, uniform01 } from './random.js';
export * from './runtimes/index.js';
