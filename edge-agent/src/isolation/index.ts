/** Processes of their own, for native code over what came from elsewhere. */
export { compiledBeside, type OwnProcess, type ProcessEnd, startOwnProcess } from './own-process.js';
