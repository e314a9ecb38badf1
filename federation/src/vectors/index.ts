/** Flat parameter vectors: their order, how updates of them travel, and how they are summed. */
export {
  type Accumulator,
  createAccumulator,
  isExact,
  mean,
  mergeAccumulators,
  roundWeight,
} from './accumulator.js';
export { restoreAccumulator, serializeAccumulator } from './accumulator-bytes.js';
export { type Clipped, clipToNorm, l2Norm, weightWithin } from './clip.js';
export {
  checkEncoding,
  encodedLength,
  encodeUpdate,
  type Float32Encoding,
  float32Encoding,
  type StochasticQuantization,
  stochastic8BitEncoding,
  type UpdateEncoding,
} from './encoding.js';
export { VectorError, type VectorErrorCode } from './errors.js';
export { checkFinite, float32Bytes, float32FromBytes } from './little-endian.js';
export {
  checkLength,
  checkManifest,
  elementCount,
  flatten,
  unflatten,
  type VectorEntry,
  type VectorManifest,
} from './manifest.js';
export {
  type Contribution,
  emptyMetricSums,
  type MetricSums,
  mergeContributions,
  mergeMetricSums,
  metricMeans,
} from './metric-sums.js';
export * from './modular-encoding/index.js';
export { createUpdateDecoder, decodeUpdate, type UpdateDecoder, type UpdateSink } from './update-decoder.js';
export { createUpdateFolder, foldDelta, foldUpdate } from './update-folder.js';
export { createUpdateValidator, type UpdateValidator, validateUpdate } from './update-validator.js';
