/**
 * Norm clipping: Sun, Kairouz, Suresh and McMahan 2019, "Can You Really Backdoor Federated Learning?", section 4. The
 * weighted mean of δ·min(1, C/‖δ‖₂): a hostile update still has a say, but no louder than C.
 */
import { linearCombination, type UpdateColumns } from './columns.js';

export async function clippedMean(columns: UpdateColumns, bound: number): Promise<Float32Array> {
  const squares = new Float64Array(columns.weights.length);
  for await (const { rows } of columns.blocks()) {
    for (const [row, values] of rows.entries()) {
      let sum = 0;
      for (let i = 0; i < values.length; i += 1) sum += values[i] ** 2;
      squares[row] += sum;
    }
  }
  const total = columns.weights.reduce((sum, weight) => sum + weight, 0);
  const coefficients = columns.weights.map((weight, row) => {
    const norm = Math.sqrt(squares[row]);
    return (weight / total) * (norm > bound ? bound / norm : 1);
  });
  return linearCombination(columns, coefficients);
}
