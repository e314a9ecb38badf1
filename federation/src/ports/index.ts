/** What protocol logic needs of the world: time and chance. Real adapters live in the shells that run it. */
export { type Clock, delay, type Scheduled } from './clock.js';
export { type Entropy, randomId, shuffle, uint32, uniform, uniformInteger } from './entropy.js';
export { createSeededEntropy, type SeededEntropy } from './seeded-entropy.js';
export { createVirtualClock, type VirtualClock } from './virtual-clock.js';
