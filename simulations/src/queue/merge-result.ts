import { SimulationError } from '../errors.js';
import { resultWidth, type SharedRound, type WorkerSums } from '../execution/setting.js';
import type { ChunkResult } from './work.js';

/** Adds a chunk's sums and puts its rows where they belong. Sums are exact: the order of arrival changes no bit. */
export function mergeResult(
  shared: SharedRound,
  sums: WorkerSums,
  result: ChunkResult,
  first: number,
  { parameterCount, metrics }: { readonly parameterCount: number; readonly metrics: number },
): void {
  for (const name of ['deltas', 'extras', 'masked'] as const) {
    const [into, from] = [sums[name], result[name]];
    for (let i = 0; i < from.length; i += 1) into[i] += from[i];
  }
  const place = (into: Float64Array | Float32Array, from: ArrayLike<number>, width: number): void => {
    if (from.length === 0) return;
    if (from.length % width !== 0 || first * width + from.length > into.length) {
      throw new SimulationError(
        'simulation/queue',
        'A result has the wrong size.',
        'Use the same version of starling-sim everywhere.',
      );
    }
    into.set(from, first * width);
  };
  place(shared.results, result.results, resultWidth(metrics));
  place(shared.updates, result.updates, parameterCount);
  place(shared.blocks, result.blocks, metrics + 1);
}
