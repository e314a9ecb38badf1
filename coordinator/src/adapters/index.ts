export { createReceivedGarbage, type NoteReceived } from './received-garbage.js';
export { createSystemClock } from './system-clock.js';
export { createSystemEntropy } from './system-entropy.js';
