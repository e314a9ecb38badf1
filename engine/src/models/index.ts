export type * from './definition.js';
export { ModelError, type ModelErrorCode } from './errors.js';
export {
  type HeadReplacement,
  type ImportDefinition,
  type ImportOptions,
  type InspectedModel,
  importModel,
  importModelFile,
  inspectModel,
  type LoraOptions,
  type PreparedImport,
  parseImport,
  prepareImport,
  readModelFile,
} from './import/index.js';
export type { Initializer } from './initializers.js';
export { layerKinds } from './layers/index.js';
export { modelNames, namedModel } from './named.js';
export { parseModel } from './parse.js';
export {
  buildModel,
  type ForwardOptions,
  initializeParameters,
  type LocalParameters,
  type TrainableModel,
} from './trainable.js';
