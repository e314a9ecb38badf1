/** What a run takes, before anything is read or taken. */
import type { LineOf } from '@starling/coordinator/definitions';
import { availableMemoryBytes } from '../adapters/index.js';
import { syntheticTestClients } from '../data/open.js';
import { type Scenario, scenarioFault } from '../scenario/index.js';

export interface WantedMemory {
  readonly parameterCount: number;
  /** Of each client's. */
  readonly keptVectors: number;
}

/** Checks fixed arrays. Throws a `SimulationError` `simulation/scenario` that names the line of what is too large. */
export function checkMemory(scenario: Scenario, wanted: WantedMemory, lineOf: LineOf): void {
  const { strategy, cohort, partition, data } = scenario;
  const robust = 'aggregation' in strategy && strategy.aggregation !== undefined;
  // How many clients there are naturally, the data will say.
  const clients = 'clients' in partition ? partition.clients : 1;
  const updates = 'size' in cohort ? cohort.size : Math.ceil(cohort.fraction * clients);
  const vectors = 16 + (wanted.keptVectors + 2) * 4 + (robust ? updates : 0);
  const remedy = robust
    ? 'a robust aggregate keeps every update of the cohort: select fewer'
    : 'use a smaller model';
  const what = { path: [robust ? 'cohort' : 'model'], takes: 'this takes', remedy };
  require(vectors * 4 * wanted.parameterCount, what, lineOf);
  if (data.kind === 'synthetic') {
    const elements = (syntheticTestClients + 1) * data.examples * (data.features + 1);
    const made = { path: ['data'], takes: 'this takes', remedy: 'make fewer examples or features' };
    require(4 * elements, made, lineOf);
  }
}

/** Checks what each thread takes for its compiled plan, beside `checkMemory`'s. */
export function checkTrainingMemory(planBytes: number, workers: number, lineOf: LineOf): void {
  const what =
    workers === 1
      ? { takes: 'training takes', remedy: 'use a smaller batch' }
      : { takes: `training in ${workers} threads takes`, remedy: 'use a smaller batch, or fewer --workers' };
  require(planBytes * workers, { path: ['training', 'batchSize'], ...what }, lineOf);
}

interface Taken {
  readonly path: readonly string[];
  readonly takes: string;
  readonly remedy: string;
}

function require(bytes: number, { path, takes, remedy }: Taken, lineOf: LineOf): void {
  const there = availableMemoryBytes();
  if (bytes <= there) return;
  const gigabytes = (size: number): string => (size / 2 ** 30).toFixed(1);
  const message = `${takes} ${gigabytes(bytes)} GiB of memory, but ${gigabytes(there)} are free; ${remedy}`;
  throw scenarioFault({ path: [...path], message }, lineOf);
}
