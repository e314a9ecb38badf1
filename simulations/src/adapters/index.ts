export { availableMemoryBytes, processorCount } from './memory.js';
export { createSystemClock } from './system-clock.js';
