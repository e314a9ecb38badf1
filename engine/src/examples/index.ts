export {
  type ExampleDataType,
  elementCount,
  exampleDataTypes,
  type FeatureContract,
  type FeatureField,
  featureElements,
  type TargetField,
  targetElements,
} from './contract.js';
export {
  contractLimits,
  formatFeatureContract,
  parseFeatureContract,
  readContract,
} from './contract-json.js';
export { ExamplesError, type ExamplesErrorCode } from './errors.js';
