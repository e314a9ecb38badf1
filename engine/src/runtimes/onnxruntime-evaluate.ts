/** Running `evaluate.onnx` over a set of examples. */
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { PlanManifest } from '../plan/index.js';
import { evaluateInputs, metricOutput } from '../plan/names.js';
import { type ChunkBuffers, ChunkReader } from './batches.js';
import { requireExamples, requireParameters, throwIfAborted } from './checks.js';
import { MetricTotals } from './metric-totals.js';
import { float32Of } from './onnxruntime-session.js';
import type { EvaluateOptions, MetricSums } from './runtime.js';
import { targetTensor } from './train-tensors.js';

/** Examples of one run that fill the kernels. */
const rowsMax = 128;

/**
 * Examples of one run. A chunk of training has as many as keep its layers within 64 MiB, one step after the other;
 * evaluation holds the layers of all its rows at once, so that it takes a quarter of them.
 */
function rowsOf({ batchSize, chunkSteps }: PlanManifest, count: number): number {
  const affordable = Math.max(batchSize, Math.floor((batchSize * chunkSteps) / 4));
  return Math.min(rowsMax, affordable, count);
}

export async function runEvaluation(
  manifest: PlanManifest,
  session: InferenceSession,
  buffers: ChunkBuffers,
  { parameters, examples, signal }: EvaluateOptions,
): Promise<MetricSums> {
  requireParameters(parameters, manifest);
  requireExamples(examples);
  const rows = rowsOf(manifest, examples.count);
  const reader = new ChunkReader(manifest, examples, rows, buffers.take(rows));
  const { features, targets, weights } = reader.arrays;
  const indices = new Uint32Array(rows);
  const totals = new MetricTotals(manifest);
  const parameterTensor = new Tensor('float32', parameters, [parameters.length]);

  for (let first = 0; first < examples.count; first += rows) {
    throwIfAborted(signal, 'evaluation');
    const count = Math.min(rows, examples.count - first);
    for (let at = 0; at < count; at++) indices[at] = first + at;
    reader.read(0, indices.subarray(0, count), true);
    const perRow = features.length / rows;
    const results = await session.run({
      [evaluateInputs.parameters]: parameterTensor,
      [evaluateInputs.examples]: new Tensor('float32', features.subarray(0, count * perRow), [
        count,
        ...manifest.featureShape,
      ]),
      [evaluateInputs.targets]: targetTensor(targets.subarray(0, count * (targets.length / rows)), [
        count,
        ...manifest.targetShape,
      ]),
      [evaluateInputs.exampleWeights]: new Tensor('float32', weights.subarray(0, count), [count]),
    });
    for (const { name } of manifest.metrics) totals.add(name, float32Of(results, metricOutput(name)));
    totals.addWeight(count);
  }
  return totals.result();
}
