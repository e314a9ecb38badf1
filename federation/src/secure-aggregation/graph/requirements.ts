import { SecureAggregationError } from '../errors.js';

/** What the graph must withstand; the names are those of Bell et al. 2020. */
export interface GraphRequirements {
  /** γ: at most this share of the cohort works together with the coordinator. */
  readonly corruptFraction: number;
  /** δ: the round must succeed when at most this share of the cohort drops out. */
  readonly dropoutFraction: number;
  /** σ: a secret is exposed with probability at most 2^-σ. */
  readonly securityBits: number;
  /** η: a round within the tolerated dropouts fails with probability at most 2^-η. */
  readonly correctnessBits: number;
}

/** A tenth may collude, a fifth may drop out; 2^-40 and 2^-20 are the levels of Bell et al. 2020. */
export const defaultGraphRequirements: GraphRequirements = {
  corruptFraction: 0.1,
  dropoutFraction: 0.2,
  securityBits: 40,
  correctnessBits: 20,
};

/** Throws `SecureAggregationError` `invalid-setting` that names the field and its range. */
export function checkRequirements(requirements: GraphRequirements): void {
  for (const name of ['corruptFraction', 'dropoutFraction'] as const) {
    const value = requirements[name];
    if (!(value >= 0 && value < 1)) {
      throw new SecureAggregationError(
        'invalid-setting',
        `${name} must be in [0, 1), got ${value}; it is the share of the cohort`,
      );
    }
  }
  for (const name of ['securityBits', 'correctnessBits'] as const) {
    const value = requirements[name];
    if (!(Number.isInteger(value) && value >= 1 && value <= 128)) {
      throw new SecureAggregationError(
        'invalid-setting',
        `${name} must be an integer in 1..128, got ${value}`,
      );
    }
  }
}

/** Keeps 0.1·30 = 3.0000000000000004 and 0.29·100 = 28.999999999999996 from changing the count. */
const epsilon = 1e-9;

/** The largest number of colluding devices that `requirements` allows among `devices`. */
export function corruptMaximum(devices: number, requirements: GraphRequirements): number {
  return Math.floor(requirements.corruptFraction * devices + epsilon);
}

/** The largest number of dropouts that `requirements` tolerates among `devices`. */
export function dropoutMaximum(devices: number, requirements: GraphRequirements): number {
  return Math.floor(requirements.dropoutFraction * devices + epsilon);
}
