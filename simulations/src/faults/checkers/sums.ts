import type { RunEvent } from '@starling/coordinator';
import { deviceSeed } from '@starling/coordinator/simulation';
import { simulatedDelta } from '../../world/runtime.js';
import { exampleCountOf } from '../../world/world.js';
import { type MakeChecker, type Sight, startOf } from './checker.js';

/** Rounding of sums in the clear, and of what is quantized before it is masked. */
const tolerances = { plain: 1e-5, median: 1e-5, masked: 5e-3 } as const;

/** The checkpoint of a round is the one before it and exactly the counted updates, each once. */
export const sums: MakeChecker = (sight) => {
  const started = new Map<string, string>();
  const counted = new Map<string, string[]>();
  return {
    name: 'sums',
    onEvents(runId, events) {
      for (const event of events) {
        if (!('key' in event)) continue;
        const name = `${runId} ${event.key.round} ${event.key.attempt}`;
        if (event.kind === 'round-started') started.set(name, event.checkpoint.sha256);
        if (event.kind === 'contributions-counted') {
          const known = counted.get(name) ?? [];
          counted.set(name, [...known, ...event.contributions.map(({ deviceId }) => deviceId as string)]);
        }
        if (event.kind === 'round-committed') {
          check(sight, event, started.get(name) ?? '', counted.get(name) ?? []);
        }
      }
    },
  };
};

function check(
  sight: Sight,
  { key, checkpoint }: RunEvent & { readonly kind: 'round-committed' },
  before: string,
  devices: readonly string[],
): void {
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

function parametersOf({ world }: Sight, sha256: string): Float32Array | undefined {
  const inode = world.coordinator.disk.find(`/coordinator/artifacts/${sha256.slice(0, 2)}/${sha256}`);
  return inode && new Float32Array(inode.content.slice().buffer);
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
