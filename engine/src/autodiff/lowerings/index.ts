/** Every composite operator that is written out, as one table. */
import { lowerAffineGrid } from './affine-grid.js';
import { lowerDepthToSpace, lowerSpaceToDepth } from './depth-space.js';
import { lowerEinsum } from './einsum.js';
import { lowerGridSample } from './grid-sample.js';
import { lowerGru } from './gru.js';
import type { Lowering } from './lowering.js';
import { lowerGlobalLpPool, lowerLpPool } from './lp-pool.js';
import { lowerLrn } from './lrn.js';
import { lowerLstm } from './lstm.js';
import { lowerReduceLogSum, lowerReduceProd } from './reduce-prod.js';
import { lowerResize } from './resize.js';
import { lowerRnn } from './rnn.js';

export type { Lowering } from './lowering.js';

export const lowerings: ReadonlyMap<string, Lowering> = new Map([
  ['AffineGrid', lowerAffineGrid],
  ['DepthToSpace', lowerDepthToSpace],
  ['Einsum', lowerEinsum],
  ['GRU', lowerGru],
  ['GridSample', lowerGridSample],
  ['GlobalLpPool', lowerGlobalLpPool],
  ['LRN', lowerLrn],
  ['LSTM', lowerLstm],
  ['LpPool', lowerLpPool],
  ['RNN', lowerRnn],
  ['ReduceLogSum', lowerReduceLogSum],
  ['ReduceProd', lowerReduceProd],
  ['Resize', lowerResize],
  ['SpaceToDepth', lowerSpaceToDepth],
]);
