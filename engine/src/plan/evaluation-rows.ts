/** Examples of one run that fill the kernels. */
const rowsMax = 128;

/**
 * Examples of one run of `evaluate.onnx`. A chunk of training has as many as keep its layers within 64 MiB, one step after the
 * other; evaluation holds the layers of all its rows at once, so that it takes a quarter of them.
 */
export function evaluationRows(batchSize: number, chunkSteps: number): number {
  return Math.min(rowsMax, Math.max(batchSize, Math.floor((batchSize * chunkSteps) / 4)));
}
