import type { NoiseTerms } from '../privacy/index.js';

/** What a round promises to do for privacy beyond the sum; signed by every device with its keys. */
export type PrivacyOffer =
  | { readonly kind: 'none' }
  /** The coordinator adds noise to the sum. */
  | ({ readonly kind: 'central' } & OfferedBudget)
  /** Every device adds noise to its own update: the others' hides it too, so all sign for the same. */
  | ({ readonly kind: 'distributed'; readonly noise: NoiseTerms } & OfferedBudget);

/** What the whole task may spend, of (ε, δ)-differential privacy. */
interface OfferedBudget {
  readonly epsilon: number;
  readonly delta: number;
}

/** The least that a device wants; `require: 'central'` is content with distributed noise too. */
export interface PrivacyPolicy {
  readonly require: 'none' | 'central' | 'distributed';
  readonly epsilonMaximum: number;
  readonly deltaMaximum: number;
}

const strength = { none: 0, central: 1, distributed: 2 } as const;

/** Why `offer` is weaker than `policy`, as a sentence; undefined when it is not. */
export function weaknessOf(offer: PrivacyOffer, policy: PrivacyPolicy): string | undefined {
  if (strength[offer.kind] < strength[policy.require]) {
    return `the round offers ${offer.kind} noise, but this device requires ${policy.require} noise`;
  }
  if (policy.require === 'none' || offer.kind === 'none') return undefined;
  // Negated, so that NaN is refused too.
  if (!(offer.epsilon > 0 && offer.epsilon <= policy.epsilonMaximum)) {
    return `the round offers ε = ${offer.epsilon}, but this device allows at most ${policy.epsilonMaximum}`;
  }
  if (!(offer.delta >= 0 && offer.delta <= policy.deltaMaximum)) {
    return `the round offers δ = ${offer.delta}, but this device allows at most ${policy.deltaMaximum}`;
  }
  return undefined;
}
