import { PrivacyError } from '../errors.js';

/** Who is in a round whose noise the devices add themselves. */
export interface NoiseCohort {
  /** Devices that are asked. */
  readonly devices: number;
  /** How many may drop out, taking their noise with them, before the round is abandoned. */
  readonly toleratedDropouts: number;
  /** How many may work with the coordinator, and so know their own noise. */
  readonly colluding: number;
}

/** What each device adds, so that enough is left when the worst that is tolerated happens. */
export interface DeviceNoise {
  /** Standard deviation of one device's noise. */
  readonly deviceStddev: number;
  /** Devices whose noise is in the sum and unknown to anyone, at the least. */
  readonly contributors: number;
  /** Standard deviation of the noise in the sum when nobody drops out or colludes. */
  readonly largestStddev: number;
}

/** Standard deviations are multiples of this: few binary digits keep exact arithmetic short. */
const resolution = 2 ** -10;

/**
 * Splits noise of standard deviation `centralStddev` over a cohort: with n contributors left at the least, each adds
 * variance centralStddev²/n, rounded up.
 *
 * @example
 * deviceNoise(50, { devices: 100, toleratedDropouts: 20, colluding: 5 }); // about 5.8 each, for 75 contributors
 */
export function deviceNoise(centralStddev: number, cohort: NoiseCohort): DeviceNoise {
  const { devices, toleratedDropouts, colluding } = cohort;
  for (const [name, value] of Object.entries({ devices, toleratedDropouts, colluding })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new PrivacyError(
      'invalid-cohort',
      `\`${name}\` must be a non-negative integer, got ${value}.`,
      'Count devices.',
    );
  }
  const contributors = devices - toleratedDropouts - colluding;
  if (contributors < 1) {
    throw new PrivacyError(
      'invalid-cohort',
      `Of ${devices} devices, ${toleratedDropouts} may drop out and ${colluding} may collude: nobody is left to add noise.`,
      'Ask more devices, or tolerate fewer dropouts.',
    );
  }
  if (!(centralStddev > 0 && Number.isFinite(centralStddev))) {
    throw new PrivacyError(
      'invalid-noise',
      `The standard deviation of the noise in the sum must be a positive number, got ${centralStddev}.`,
      'It is the noise multiplier times the L2 sensitivity, in lattice steps.',
    );
  }
  const deviceStddev = Math.ceil(centralStddev / Math.sqrt(contributors) / resolution) * resolution;
  return { deviceStddev, contributors, largestStddev: deviceStddev * Math.sqrt(devices) };
}
