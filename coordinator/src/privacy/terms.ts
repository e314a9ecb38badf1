/** What the owner of a task signs of its privacy, and what devices compare a round with. */
import type { PrivacySettings } from './settings.js';

/** A device obeys no round that spends from another budget, clips otherwise, or adds less noise. */
export function privacyTerms(settings: PrivacySettings | null): object {
  if (settings === null) return { kind: 'none' };
  const { kind, budget, clipping, updateNoiseMultiplier, deviceNoise } = settings;
  return {
    kind,
    ...budget,
    clip: clipping.kind === 'fixed' ? clipping : { kind: 'adaptive' },
    noiseMultiplier: roundedDown(updateNoiseMultiplier),
    // How much each adds follows: a device computes the multiplier from it, for the smallest cohort that is allowed.
    ...(deviceNoise && {
      deviceNoise: { mechanism: deviceNoise.mechanism, sampling: deviceNoise.sampling },
    }),
  };
}

/** To six digits: two machines that calibrate may differ in the last ones, and what is signed is a lower bound. */
function roundedDown(value: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) - 5);
  return Number((Math.floor(value / unit) * unit).toPrecision(6));
}
