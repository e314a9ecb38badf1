export { makeFolder, makeNamedFolder } from './folders.js';
export { availableMemoryBytes, processorCount } from './memory.js';
export { createSystemClock } from './system-clock.js';
export { uniqueId } from './unique-id.js';
