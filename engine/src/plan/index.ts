export { compilePlan, type PlanOptions, withQuantization } from './compile.js';
export { decodeManifest, encodeManifest, manifestBytesMax } from './encoding.js';
export { PlanError, type PlanErrorCode } from './errors.js';
export { exportModel } from './export-model.js';
export { localStart } from './local.js';
export * from './manifest.js';
export { featureContractKey, planFileNames, rangesName } from './names.js';
export { sha256Hex, verifyPlan } from './verify.js';
