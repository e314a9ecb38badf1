/** What both ends must agree on, without any I/O. */
export * from './analytics/index.js';
export * from './ports/index.js';
export * from './privacy/index.js';
export * from './releases/index.js';
export * from './secure-aggregation/index.js';
export * from './secure-rounds/index.js';
export * from './strategies/index.js';
export * from './vectors/index.js';
