import { createSeededEntropy, shuffle } from '@starling/federation';
import type { DeviceId } from '../ids.js';

/** `count` of the candidates: the same ones for the same seed and the same set, whatever its order. */
export function selectCohort(candidates: readonly DeviceId[], count: number, seed: string): DeviceId[] {
  const pool = [...new Set(candidates)].sort();
  return shuffle(createSeededEntropy(seed), pool).slice(0, count).sort();
}
