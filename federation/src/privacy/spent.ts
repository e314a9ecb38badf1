/** What was spent so far, like with like: rounds of the same mechanism are counted together. */
import type { PrivacyMechanism, PrivateRounds } from './mechanism.js';

/** `spent` and `rounds` more of `mechanism`. */
export function withMoreRounds(
  spent: readonly PrivateRounds[],
  mechanism: PrivacyMechanism,
  rounds: number,
): PrivateRounds[] {
  const place = spent.findIndex((entry) => sameMechanism(entry.mechanism, mechanism));
  if (place < 0) return [...spent, { mechanism, rounds }];
  return spent.map((entry, i) => (i === place ? { mechanism, rounds: entry.rounds + rounds } : entry));
}

/** Mechanisms are flat objects of numbers and a kind. */
export function sameMechanism(a: PrivacyMechanism, b: PrivacyMechanism): boolean {
  const left = new Map<string, unknown>(Object.entries(a));
  const right = Object.entries(b);
  return left.size === right.length && right.every(([key, value]) => left.get(key) === value);
}
