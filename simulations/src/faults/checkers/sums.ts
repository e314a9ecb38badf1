import { deviceSeed } from '@starling/coordinator/simulation';
import { simulatedDelta } from '../../world/runtime.js';
import { exampleCountOf } from '../../world/world.js';
import { type MakeChecker, type Sight, startOf } from './checker.js';
import { type CommittedRound, onCommittedRounds, parametersOf } from './committed-rounds.js';

/** Rounding of sums in the clear, and of what is quantized before it is masked. */
const tolerances = { plain: 1e-5, median: 1e-5, masked: 5e-3 } as const;

/** The checkpoint of a round is the one before it and exactly the counted updates, each once. */
export const sums: MakeChecker = (sight) => ({
  name: 'sums',
  ...onCommittedRounds((round) => check(sight, round)),
});

function check(sight: Sight, { event: { key, checkpoint }, before, devices }: CommittedRound): void {
  const { seed, taskName } = startOf(sight, key.runId);
  const name: string = taskName;
  if (!(name in tolerances)) return;
  const tolerance = tolerances[name as keyof typeof tolerances];
  const from = parametersOf(sight, before);
  const to = parametersOf(sight, checkpoint.sha256);
  if (from === undefined || to === undefined) {
    sight.report(
      `a checkpoint of round ${key.round} of ${key.runId} is not on the disk, or not what its name says`,
    );
    return;
  }
  const deltas = devices.map((device) => {
    const weight = exampleCountOf(device);
    // Ids were parsed when they came over the wire.
    const drawn = deviceSeed(seed, key.round, device as Parameters<typeof deviceSeed>[2]);
    return { weight, delta: simulatedDelta(drawn, weight, from) };
  });
  const total = deltas.reduce((sum, { weight }) => sum + weight, 0);
  for (const [i, parameter] of from.entries()) {
    const step =
      name === 'median'
        ? medianOf(deltas.map(({ delta }) => delta[i]))
        : deltas.reduce((sum, { delta, weight }) => sum + delta[i] * weight, 0) / total;
    const difference = Math.abs(parameter + step - to[i]);
    if (difference <= tolerance) continue;
    sight.report(
      `round ${key.round} of ${key.runId} (${name}) is not the sum of ${devices.join(', ')}: element ${i} is off by ${difference.toPrecision(3)}`,
    );
    return;
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
