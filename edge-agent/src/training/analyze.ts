/** Answers a question about local examples: one vector, which only as a part of a sum says anything. */
import type { ExampleSource } from '@starling/engine';
import { findColumn, readColumn } from '@starling/engine/examples';
import {
  type AnalyticsQuery,
  createSeededEntropy,
  type Entropy,
  encodeUpdate,
  uniformInteger,
  vectorOf,
} from '@starling/federation';
import type { Assignment, Outcome, Work } from '../connection/assignment.js';
import { clearOutcome } from './clear-outcome.js';
import type { Workshop } from './compute.js';
import { maskedOutcome } from './masked-outcome.js';
import { protect } from './protect.js';

/** What is loaded when a plan first asks for it. */
export const later = { activations: () => import('./activations.js') };

/** What an answer takes of what training has. */
export type AnalyticsWorkshop = Pick<
  Workshop,
  'examples' | 'updates' | 'clock' | 'mask' | 'entropy' | 'cache' | 'limits'
>;

/**
 * Gives the answer's vector as an update, kept in the state directory before this settles.
 *
 * @throws ExamplesError where the column is not there, AnalyticsError where its values are not what was asked for
 */
export async function analyze(
  workshop: AnalyticsWorkshop,
  assignment: Assignment,
  work: Work & { kind: 'analyze' },
  signal: AbortSignal,
): Promise<Outcome> {
  const { examples, updates, clock } = workshop;
  const startedMs = clock.monotonic();
  const source = await examples.open(assignment.taskName, assignment.contract);
  signal.throwIfAborted();
  const entropy = createSeededEntropy(work.seed);
  const vector = await vectorFor(workshop, assignment, work, source, entropy, signal);
  const told = protect(vector, { exampleCount: 1, metrics: { weight: 1, sums: {} } }, work.privacy);
  const rounding = entropy.fork('stochastic rounding');
  const { secure } = assignment;
  if (secure !== undefined) return maskedOutcome(workshop, assignment, secure, vector, told, rounding);
  const payload = encodeUpdate(vector, work.encoding, rounding);
  return clearOutcome(updates, assignment, payload, told, Math.round(clock.monotonic() - startedMs));
}

async function vectorFor(
  workshop: AnalyticsWorkshop,
  assignment: Assignment,
  { query, seed }: Work & { kind: 'analyze' },
  source: ExampleSource,
  entropy: ReturnType<typeof createSeededEntropy>,
  signal: AbortSignal,
): Promise<Float32Array> {
  if (query.statistic.kind === 'activations') {
    const { activationHistograms } = await later.activations();
    return activationHistograms(workshop, assignment, query, source, seed, signal);
  }
  const { contract } = assignment;
  const column = readColumn(source, contract, findColumn(contract, query.column));
  return vectorOf(query, chosen(column, query, entropy.fork('values')));
}

/** All values, or as many as count, chosen by chance (the first steps of Fisher and Yates). */
function chosen(values: Float64Array, { valuesMax }: AnalyticsQuery, entropy: Entropy): Float64Array {
  if (values.length <= valuesMax) return values;
  for (let i = 0; i < valuesMax; i += 1) {
    const j = i + uniformInteger(entropy, values.length - i);
    const held = values[i];
    values[i] = values[j];
    values[j] = held;
  }
  return values.subarray(0, valuesMax);
}
