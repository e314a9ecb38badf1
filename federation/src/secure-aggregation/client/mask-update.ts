import { SecureAggregationError } from '../errors.js';
import { maskAndPack } from '../masks/index.js';
import type { MaskedUpdate } from '../messages.js';
import { type Outcome, proceed } from '../refusal.js';
import type { MaskedClient, ReadyClient } from './state.js';

/**
 * Stage 3, second half: `vector`, `[vectorLength]` elements of the ring, under all masks. The state must not be used
 * again: two vectors under the same masks would show their difference. Throws `SecureAggregationError` `wrong-length`.
 */
export function maskUpdate(state: ReadyClient, vector: Uint32Array): Outcome<MaskedClient, MaskedUpdate> {
  const { cohort, held, masks } = state;
  const { vectorLength, ringBits } = cohort.round;
  if (vector.length !== vectorLength) {
    throw new SecureAggregationError(
      'wrong-length',
      `the round sums ${vectorLength} elements, got ${vector.length}`,
    );
  }
  return proceed({ kind: 'masked', cohort, held }, { packed: maskAndPack(vector, masks, ringBits) });
}
