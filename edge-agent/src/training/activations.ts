/** The histograms of a model's activations over local examples, for the ranges of its int8 form. */
import {
  calibrate,
  calibratedTensors,
  type ExampleSource,
  exportModel,
  fleetLayout,
  prepare,
  quantizationPoints,
  readModel,
  sketchLength,
} from '@starling/engine';
import { sampleExamples } from '@starling/engine/examples';
import type { AnalyticsQuery } from '@starling/federation';
import type { Assignment } from '../connection/assignment.js';
import { AgentError } from '../errors.js';
import type { Workshop } from './compute.js';
import { readWork } from './fetch-plan.js';
import { modelNeeded } from './model-needed.js';

/**
 * `[tensors, buckets]`: each histogram adds up to the number of examples that were looked at.
 * @throws AgentError `agent/plan-mismatch` where the question is about another model than the plan's
 */
export async function activationHistograms(
  workshop: Pick<Workshop, 'cache' | 'limits'>,
  assignment: Assignment,
  { statistic, valuesMax }: AnalyticsQuery,
  source: ExampleSource,
  seed: number,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { plan, parameters } = await readWork(
    modelNeeded(assignment) ?? assignment,
    workshop.cache,
    workshop.limits,
  );
  const prepared = prepare(readModel(exportModel(plan, parameters)));
  const tensors = calibratedTensors(quantizationPoints(prepared));
  const buckets = sketchLength(fleetLayout);
  const asked = statistic.kind === 'activations' && statistic.tensors === tensors.length;
  if (!asked || statistic.buckets !== buckets) {
    throw new AgentError(
      'agent/plan-mismatch',
      `The question is not about this task's model, which has ${tensors.length} activations in histograms of ${buckets} counts.`,
    );
  }
  const examples = sampleExamples(source, valuesMax, seed);
  const sketches = await calibrate(prepared, tensors, examples, { layout: fleetLayout, signal });
  const vector = new Float32Array(tensors.length * buckets);
  tensors.forEach((name, at) => {
    const sketch = sketches.get(name);
    if (sketch === undefined) return;
    const share = examples.count / sketch.total;
    vector.set(
      sketch.counts.map((count) => count * share),
      at * buckets,
    );
  });
  return vector;
}
