/** ONNX models as data: read, written, built, shaped and folded. */
export {
  float,
  floats,
  graphAttribute,
  int,
  ints,
  string,
  strings,
  tensorAttribute,
} from './attributes.js';
export { defaultOpset, GraphBuilder, type GraphBuilderOptions, type NodeOptions } from './builder.js';
export { bytesPerElement, dataTypeCode, isFloatingPoint } from './data-types.js';
export { broadcast, isStatic } from './dimensions.js';
export { OnnxError, type OnnxErrorCode } from './errors.js';
export { float16ToNumber, numberToFloat16 } from './float16.js';
export { type FoldOptions, foldConstants, removeUnused } from './fold-constants.js';
export { builderFromModel, type FromModelOptions, inferShapes, type ModelBuilder } from './from-model.js';
export type * from './graph.js';
export { type GroupNormalizationOptions, groupNormalization } from './group-normalization.js';
export { type ReadOptions, readModel } from './read.js';
export type { ExternalPart, ReadExternal } from './read-tensor.js';
export { elementCount, tensor, tensorOf, toNumbers } from './tensors.js';
export { writeModel } from './write.js';
