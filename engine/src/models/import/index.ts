export { readModelFile, readTrainedPart } from './external-data.js';
export { holdPadding, type PaddingRows } from './hold-padding.js';
export { type ImportOptions, importModel, importModelFile } from './import-model.js';
export { type InspectedModel, inspectModel } from './inspect.js';
export type { LoraOptions } from './lora.js';
export { type ImportDefinition, parseImport } from './parse.js';
export { type PreparedImport, prepareImport } from './prepare.js';
export type { HeadReplacement } from './replace-head.js';
export { restoreParameters } from './restore-parameters.js';
