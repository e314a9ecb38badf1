/** Who shares secrets with whom, and how many of them it takes. */
export { createGraph, type Graph, neighboursOf } from './harary.js';
export { type GraphParameters, graphParameters, securityThreshold } from './parameters.js';
export {
  checkRequirements,
  corruptMaximum,
  defaultGraphRequirements,
  dropoutMaximum,
  type GraphRequirements,
} from './requirements.js';
