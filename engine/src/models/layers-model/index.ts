export { convertLayersModel } from './convert.js';
export { frozenIn } from './frozen.js';
export { layersPlanFile } from './plan-file.js';
export { type LayersModel, readLayersModel } from './read.js';
