import type { RoundState } from '../transport.js';

/** Whether a round still takes what this device has for it. */
export function isOpen(roundState: RoundState): boolean {
  return openStages.has(roundState.stage) && roundState.selected && !roundState.counted;
}

const openStages: ReadonlySet<RoundState['stage']> = new Set([
  'recruit',
  'advertise-keys',
  'share-keys',
  'collect',
]);

/** Whether a round still needs this device to open the sum that its update is in. */
export function isUnconfirmed({ stage, selected }: RoundState): boolean {
  return selected && (stage === 'collect' || stage === 'consistency' || stage === 'unmask');
}
