import type { PrivateRounds } from '../mechanism.js';
import { pldEpsilon } from './pld.js';
import { rdpEpsilon } from './rdp.js';

/** How privacy loss is added up: `rdp` takes every mechanism, `pld` is tight and takes Gaussian noise only. */
export type Accountant = 'rdp' | 'pld';

/** All accountants, for choices in commands and settings. */
export const accountants: readonly Accountant[] = ['rdp', 'pld'];

/**
 * The least ε that `accountant` can prove at `delta` for everything in `spent` together: against adding or removing
 * any one participant. Throws a `PrivacyError` for settings without sense.
 *
 * @example
 * epsilonSpent('pld', [{ mechanism: { kind: 'gaussian', noiseMultiplier: 1, sampling: 0.1 }, rounds: 100 }], 1e-6);
 */
export function epsilonSpent(accountant: Accountant, spent: readonly PrivateRounds[], delta: number): number {
  switch (accountant) {
    case 'rdp':
      return rdpEpsilon(spent, delta);
    case 'pld':
      return pldEpsilon(spent, delta);
  }
}
