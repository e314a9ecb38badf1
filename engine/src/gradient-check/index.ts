export { type CheckedGradients, checkGradients, relativeErrorMax } from './check-gradients.js';
