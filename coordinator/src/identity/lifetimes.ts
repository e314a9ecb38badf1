/** How long certificates last. */
import type { Validity } from './authority.js';

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** Clocks of devices are off; a certificate that is valid from yesterday starts everywhere at once. */
const backdatedMs = hourMs;

export const authorityLifetimeMs = 20 * 365 * dayMs;
/** Two thirds of it is when an agent renews: a month is left for a device that is away. */
export const deviceLifetimeMs = 90 * dayMs;
/** Made anew at each start and at two thirds of its life. */
export const coordinatorLifetimeMs = 90 * dayMs;
/** Where the authority's key is elsewhere, somebody has to carry it here. */
export const carriedLifetimeMs = 2 * 365 * dayMs;

export function validFrom(nowMs: number, lifetimeMs: number): Validity {
  return { startsAtMs: nowMs - backdatedMs, endsAtMs: nowMs + lifetimeMs };
}
