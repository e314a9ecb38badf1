/** Smaller and faster forms of a trained model for inference. */
export { type AwareOptions, quantizationAware } from './aware.js';
export { type CalibrateOptions, calibrate } from './calibrate.js';
export {
  chooseRange,
  type RangeMethod,
  type RangeOptions,
  rangeMethods,
  type ValueRange,
} from './choose-range.js';
export { quantizeDynamic } from './dynamic.js';
export { QuantizeError, type QuantizeErrorCode } from './errors.js';
export { exportQuantized } from './export-quantized.js';
export { measureLatency, measureQuality, type Quality, type TargetKind } from './measure.js';
export { calibratedTensors, type QuantizationPoints, quantizationPoints } from './points.js';
export { type MachineRates, measureMachine, predictLatency } from './predict-latency.js';
export { type PreparedModel, prepare, type WeightLayer } from './prepare.js';
export { compressedBytes, prune, type Sparsity, sparsityOf } from './prune.js';
export {
  hasTrainedRanges,
  type QuantizedForm,
  type QuantizeMethod,
  type QuantizeOptions,
  type QuantizeStage,
  quantizeMethods,
  quantizeModel,
} from './quantize-model.js';
export { fleetLayout, localLayout, RangeSketch, type SketchLayout, sketchLength } from './range-sketch.js';
export { type QuantizeReport, type ReportOptions, reportOn } from './report.js';
export { soleInput } from './run-examples.js';
export { quantizeStatic, type StaticOptions } from './static.js';
export { quantizeWeights4 } from './weights4.js';
