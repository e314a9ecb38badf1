/** What a device does to its update, and what it keeps to itself, where the task promises privacy. */
import type { MetricSums } from '@starling/engine';
import { clipToNorm } from '@starling/federation';
import type { UpdatePrivacy } from '../connection/assignment.js';

/** What goes along with an update. */
export interface Told {
  readonly exampleCount: number;
  readonly metrics: MetricSums;
}

/** As the coordinator knows it. */
const withinBoundMetric = 'withinBound';

/**
 * Clips `delta` in place, and gives what may be told beside it. Under privacy that is nothing: neither how many examples
 * there were nor how well the model fits them; at most whether the update was within the bound, for a bound that adapts.
 */
export function protect(delta: Float32Array, told: Told, privacy: UpdatePrivacy | null): Told {
  if (privacy === null) return told;
  const { norm } = clipToNorm(delta, privacy.clipBound);
  const bit = norm <= privacy.clipBound ? 1 : 0;
  const sums: Record<string, number> = privacy.countWithinBound ? { [withinBoundMetric]: bit } : {};
  return { exampleCount: 1, metrics: { weight: 1, sums } };
}
