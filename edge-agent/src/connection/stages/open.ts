import type { RoundState } from '../transport.js';

/** Whether a round still takes what this device has for it. */
export function isOpen(roundState: RoundState): boolean {
  const collecting = roundState.stage === 'recruit' || roundState.stage === 'collect';
  return collecting && roundState.selected && !roundState.counted;
}
