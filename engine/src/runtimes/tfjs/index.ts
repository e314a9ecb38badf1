export { hasTfjs } from './load-tfjs.js';
export { tfjsTraining } from './tfjs-training.js';
