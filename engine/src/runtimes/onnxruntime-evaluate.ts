/** Running `evaluate.onnx` over a set of examples. */
import type { InferenceSession } from 'onnxruntime-node';
import { evaluationRows } from '../plan/chunks.js';
import type { PlanManifest } from '../plan/index.js';
import { evaluateInputs, metricOutput } from '../plan/names.js';
import { requireExamples, requireLocal, requireParameters, throwIfAborted } from './checks.js';
import type { ChunkBuffers } from './chunk-buffers.js';
import { ChunkReader } from './chunk-reader.js';
import { MetricTotals } from './metric-totals.js';
import { onnxruntime } from './onnxruntime-library.js';
import { float32Of } from './onnxruntime-session.js';
import type { EvaluateOptions, MetricSums } from './runtime.js';
import { targetTensor } from './train-tensors.js';

export async function runEvaluation(
  manifest: PlanManifest,
  session: InferenceSession,
  buffers: ChunkBuffers,
  { parameters, local, examples, signal }: EvaluateOptions,
): Promise<MetricSums> {
  const { Tensor } = onnxruntime();
  requireParameters(parameters, manifest);
  requireLocal(local, manifest);
  requireExamples(examples);
  const rows = Math.min(evaluationRows(manifest), examples.count);
  const reader = new ChunkReader(manifest, examples, { batchSize: rows, arrays: buffers.take(rows, rows) });
  const { features, targets, weights } = reader.arrays;
  const indices = new Uint32Array(rows);
  const totals = new MetricTotals(manifest);
  const parameterTensor = new Tensor('float32', parameters, [parameters.length]);
  const ownTensor =
    local === undefined ? {} : { [evaluateInputs.local]: new Tensor('float32', local, [local.length]) };

  for (let first = 0; first < examples.count; first += rows) {
    throwIfAborted(signal, 'evaluation');
    const count = Math.min(rows, examples.count - first);
    for (let at = 0; at < count; at++) indices[at] = first + at;
    reader.read(0, indices.subarray(0, count), true);
    const perRow = features.length / rows;
    const results = await session.run({
      [evaluateInputs.parameters]: parameterTensor,
      ...ownTensor,
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
