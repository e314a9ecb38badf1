/** Small vector kernels, assembled in memory: no build step, no binary in the repository. */
export * from './assembler.js';
export { compile, type ModuleExports } from './instantiate.js';
