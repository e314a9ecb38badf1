import { SecureAggregationError } from '../errors.js';
import { logBinomial, lowerTail, upperQuantile } from './hypergeometric.js';
import { checkRequirements, corruptMaximum, dropoutMaximum, type GraphRequirements } from './requirements.js';

/** How many neighbours every device has, and how many of them together can open one of its secrets. */
export interface GraphParameters {
  /** k. `devices - 1` is the complete graph; anything less is even. */
  readonly degree: number;
  /** t. */
  readonly threshold: number;
}

const devicesMaximum = 1_000_000;

/** Fewer devices than this form a complete graph: it costs them milliseconds, and its bounds need no luck. */
const sparseMinimum = 32;

/**
 * The smallest degree, and for it the smallest threshold, that withstand `requirements` against a coordinator that
 * deviates (Bell et al. 2020, sections 3 and 4), from exact hypergeometric tails. Half of 2^-σ is spent on each of
 *
 * - **secrets**: a device's secret pair is safe when 2t > k + c, where c of its neighbours collude: each honest
 *   neighbour opens one secret of the two, so t shares of both do not exist (Lemma 4.1, union over the devices);
 * - **connectivity**: a Harary graph falls apart only where k/2 successive devices are missing in two places;
 *
 * and 2^-η on every survivor keeping t surviving neighbours. Where no smaller degree does it, and below 32 devices, the
 * complete graph: its bounds hold with certainty. Throws `SecureAggregationError` `no-graph` when that cannot do it either.
 */
export function graphParameters(devices: number, requirements: GraphRequirements): GraphParameters {
  checkRequirements(requirements);
  checkDevices(devices);
  const from = devices < sparseMinimum ? devices - 1 : firstConnected(devices, requirements);
  for (let degree = from; degree < devices - 1; degree += 2) {
    const threshold = securityThreshold(devices, degree, requirements);
    if (threshold <= degree && survives(devices, degree, threshold, requirements))
      return { degree, threshold };
  }
  const degree = devices - 1;
  const threshold = securityThreshold(devices, degree, requirements);
  const remaining = degree - dropoutMaximum(devices, requirements);
  if (threshold > remaining) {
    throw new SecureAggregationError(
      'no-graph',
      `with ${devices} devices of which ${corruptMaximum(devices, requirements)} may collude, ${threshold} neighbours ` +
        `must answer, but ${dropoutMaximum(devices, requirements)} dropouts leave ${remaining}; ` +
        'enlarge the cohort, or lower corruptFraction + 2·dropoutFraction below 1',
    );
  }
  return { degree, threshold };
}

/**
 * The smallest threshold for which a device's two secrets are safe at this degree; above `degree` when there is none.
 */
export function securityThreshold(devices: number, degree: number, requirements: GraphRequirements): number {
  const corrupt = corruptMaximum(devices, requirements);
  // In the complete graph everybody's neighbours include all who collude.
  if (degree === devices - 1) return Math.floor((degree + corrupt) / 2) + 1;
  const allowed = 2 ** -(requirements.securityBits + 1) / devices;
  const colluding = upperQuantile({ population: devices - 1, marked: corrupt, drawn: degree }, allowed);
  // More than `colluding - 1` of the neighbours collude too rarely to count: 2t > k + colluding - 1.
  return Math.floor((degree + Math.max(0, colluding - 1)) / 2) + 1;
}

/** Whether every survivor keeps `threshold` surviving neighbours, but for 2^-η. */
function survives(
  devices: number,
  degree: number,
  threshold: number,
  requirements: GraphRequirements,
): boolean {
  const others = devices - 1;
  const survivors = {
    population: others,
    marked: others - dropoutMaximum(devices, requirements),
    drawn: degree,
  };
  return lowerTail(survivors, threshold) <= 2 ** -requirements.correctnessBits / devices;
}

/** The smallest even degree at which honest survivors stay connected, but for half of 2^-σ. */
function firstConnected(devices: number, requirements: GraphRequirements): number {
  const bad = Math.min(
    devices,
    corruptMaximum(devices, requirements) + dropoutMaximum(devices, requirements),
  );
  const allowed = -(requirements.securityBits + 1) * Math.LN2;
  for (let degree = 2; degree < devices - 1; degree += 2) {
    const places = Math.log((devices * (devices - degree - 1)) / 2);
    if (places + logBinomial(devices - degree, bad - degree) - logBinomial(devices, bad) <= allowed)
      return degree;
  }
  return devices - 1;
}

function checkDevices(devices: number): void {
  if (!Number.isInteger(devices) || devices < 2 || devices > devicesMaximum) {
    throw new SecureAggregationError(
      'no-graph',
      `secure aggregation needs 2..${devicesMaximum} devices, got ${devices}; a sum of one device hides nothing`,
    );
  }
}
