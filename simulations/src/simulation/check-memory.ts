/** What the fixed arrays of a run take, before anything is read or taken. */
import type { LineOf } from '@starling/coordinator/definitions';
import { availableMemoryBytes } from '../adapters/index.js';
import { type Scenario, scenarioFault } from '../scenario/index.js';

export interface WantedMemory {
  readonly parameterCount: number;
  /** Of each client's. */
  readonly keptVectors: number;
}

/** Throws a `SimulationError` `simulation/scenario` that names the line of what is too large. */
export function checkMemory(
  { strategy, cohort, partition }: Scenario,
  { parameterCount, keptVectors }: WantedMemory,
  lineOf: LineOf,
): void {
  const robust = 'aggregation' in strategy && strategy.aggregation !== undefined;
  // How many clients there are naturally, the data will say.
  const clients = 'clients' in partition ? partition.clients : 1;
  const updates = 'size' in cohort ? cohort.size : Math.ceil(cohort.fraction * clients);
  const vectors = 16 + (keptVectors + 2) * 4 + (robust ? updates : 0);
  const wanted = vectors * 4 * parameterCount;
  const there = availableMemoryBytes();
  if (wanted <= there) return;
  const gigabytes = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  throw scenarioFault(
    {
      path: robust ? ['cohort'] : ['model'],
      message: `this takes ${gigabytes(wanted)} GiB of memory, but ${gigabytes(there)} are free; ${robust ? 'a robust aggregate keeps every update of the cohort: select fewer' : 'use a smaller model'}`,
    },
    lineOf,
  );
}
