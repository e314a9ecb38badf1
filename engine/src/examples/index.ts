export { type ArrayColumn, arraySource } from './array-source.js';
export { byteTable, readBytes } from './byte-table.js';
export { type ExampleColumn, findColumn, readColumn } from './column.js';
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
export { CsvSyntaxError, splitCsvRows } from './csv-rows.js';
export { divideByShards, divideEvenly, evenBounds } from './divide.js';
export { ExamplesError, type ExamplesErrorCode } from './errors.js';
export { openExamplesFolder, readFolderArray } from './folder.js';
export { type Digits, imagePixels, readMnist } from './mnist.js';
export { readNpz } from './npz.js';
export { fileBytes, NotAFileError, unreadable } from './regular-file.js';
export { type ExampleRow, examplesFromArrays, examplesFromRows } from './rows.js';
export { defaultReadLimits, type ReadLimits, type StoredArray } from './stored-array.js';
export { type HoldoutSplit, sampleExamples, splitHoldout, subset } from './subset.js';
