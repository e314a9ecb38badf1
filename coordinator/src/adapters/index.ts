export { createSystemClock } from './system-clock.js';
export { createSystemEntropy } from './system-entropy.js';
