/** Seeds of everything that is drawn: one for each purpose, round and device, so that no draw shifts another. */
import { mix32 } from '@starling/engine';

/** Purposes of draws; a number once given is never given to another. */
export const purposes = {
  model: 1,
  cohort: 2,
  training: 3,
  rounding: 4,
  attack: 5,
  attackers: 6,
  noise: 7,
  devices: 8,
  availability: 9,
  dropout: 10,
  personal: 11,
  data: 12,
  holdout: 13,
  schedule: 14,
  rotation: 15,
  stragglers: 16,
} as const;

/** A seed of 32 bits that the scenario's seed and the numbers decide, in their order. */
export function deriveSeed(seed: number, ...numbers: readonly number[]): number {
  let state = mix32(seed ^ 0x5eed5eed);
  for (const number of numbers) state = mix32(Math.imul(state, 0x01000193) ^ mix32(number + 0x9e3779b9));
  return state >>> 0;
}
