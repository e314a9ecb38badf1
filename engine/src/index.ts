export * from './examples/index.js';
