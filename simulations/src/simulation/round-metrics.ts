/** What a round came to, from the rows that its jobs left. */
import { epsilonSpent } from '@starling/federation';
import { resultFields, resultWidth, type SharedRound } from '../execution/setting.js';
import type { PreparedScenario } from './prepare.js';
import type { RoundRecord } from './record.js';

export function reachedTarget(
  target: PreparedScenario['scenario']['stop']['target'],
  measured: Readonly<Record<string, number>>,
): boolean {
  const value = target === null ? undefined : measured[target.metric];
  if (target === null || value === undefined) return false;
  return target.metric === 'accuracy' ? value >= target.value : value <= target.value;
}

export function trainingMetrics(
  { plan }: PreparedScenario,
  shared: SharedRound,
  jobs: number,
): Pick<RoundRecord, 'examples' | 'training'> {
  const { metrics } = plan.manifest;
  const width = resultWidth(metrics.length);
  let examples = 0;
  let weight = 0;
  const totals = new Float64Array(metrics.length);
  for (let job = 0; job < jobs; job += 1) {
    const own = shared.results[job * width + resultFields.examples];
    examples += own;
    weight += own * shared.epochs[job];
    for (let at = 0; at < metrics.length; at += 1) {
      totals[at] += shared.results[job * width + resultFields.metrics + at];
    }
  }
  return {
    examples,
    training:
      weight === 0 ? {} : Object.fromEntries(metrics.map(({ name }, at) => [name, totals[at] / weight])),
  };
}

export function epsilonAfter({ scenario, cohort, clients }: PreparedScenario, rounds: number): number {
  const { privacy, devices } = scenario;
  if (privacy === null) return 0;
  // Whoever is selected may be counted, also of those beyond the cohort.
  const selected = Math.ceil(cohort * (devices?.overSelection ?? 1));
  const sampling = Math.min(1, selected / clients);
  const mechanism = { kind: 'gaussian', noiseMultiplier: privacy.noiseMultiplier, sampling } as const;
  return epsilonSpent('rdp', [{ mechanism, rounds }], privacy.delta);
}
