export { InferenceError, type InferenceErrorCode } from './errors.js';
export { type LatencySnapshot, latencyBetween, latencyQuantile } from './histogram.js';
export { type ModelDirectory, openModelDirectory } from './model-directory.js';
export type { InferRequest, InferResponse } from './request.js';
export { type Serving, type ServingOptions, startServing } from './serve.js';
export {
  createInferenceService,
  defaultInferenceSettings,
  type InferenceObserver,
  type InferenceService,
  type InferenceSettings,
  type ModelDescription,
  type ModelStatistics,
} from './service.js';
