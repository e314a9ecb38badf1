/** What another implementation must compute, byte for byte: written to `test/vectors/` by `npm run vectors`. */
import { encodingVectors } from './encoding.js';
import { graphVectors } from './graph.js';
import { keyVectors } from './keys.js';
import { maskVectors } from './masks.js';
import { questionVectors } from './questions.js';
import { ringVectors } from './ring.js';
import { roundVectors } from './round.js';
import { shamirVectors } from './shamir.js';

/** By the name of their file. */
export const testVectors: Readonly<Record<string, () => object>> = {
  encoding: encodingVectors,
  graph: graphVectors,
  keys: keyVectors,
  masks: maskVectors,
  questions: questionVectors,
  ring: ringVectors,
  round: roundVectors,
  shamir: shamirVectors,
};
