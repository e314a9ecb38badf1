/** Secrets of 32 bytes in shares of constant size. */
export { combineShares, lagrangeCoefficients } from './combine.js';
export { secretBytes, shareBytes } from './limbs.js';
export { splitSecret } from './split.js';
