/**
 * The geometric median by the smoothed Weiszfeld algorithm: Pillutla, Kakade and Harchaoui 2022, "Robust Aggregation
 * for Federated Learning" (RFA), algorithm 2. With weights αᵢ that sum to 1, it minimises Σ αᵢ·‖v - xᵢ‖ by
 *
 *     βᵢ = αᵢ / max(ν, ‖v - xᵢ‖),   v' = Σ βᵢ·xᵢ / Σ βᵢ
 *
 * It starts from the coordinate-wise median instead of the paper's mean: the problem is convex, so it ends in the same
 * place, but a hostile update of 10³⁸ moves a mean so far that Weiszfeld's linear steps would take dozens of passes back.
 */
import type { UpdateColumns } from './columns.js';
import { coordinateMedian } from './median.js';

/** Ends once the sum of distances falls by less than this share in an iteration: near a data point it falls slowly for long. */
const tolerance = 1e-12;

/** Every iteration is one pass; `v` is kept in doubles, so that memory is O(model) beside a block. */
export async function geometricMedian(
  columns: UpdateColumns,
  smoothing: number,
  iterations: number,
): Promise<Float32Array> {
  const total = columns.weights.reduce((sum, weight) => sum + weight, 0);
  let point: Float64Array = Float64Array.from(await coordinateMedian(columns));
  let before = Number.POSITIVE_INFINITY;
  for (let iteration = 0; iteration < iterations; iteration += 1) {
    const distances = await distancesTo(columns, point);
    const objective = columns.weights.reduce(
      (sum, weight, row) => sum + (weight / total) * smoothed(distances[row], smoothing),
      0,
    );
    if (before - objective <= tolerance * objective) break;
    before = objective;
    const pulls = columns.weights.map((weight, row) => weight / Math.max(smoothing, distances[row]));
    const pull = pulls.reduce((sum, each) => sum + each, 0);
    point = await combine(
      columns,
      pulls.map((each) => each / pull),
    );
  }
  return Float32Array.from(point);
}

/** The smoothed norm of the paper's equation 8: quadratic below ν. */
function smoothed(distance: number, smoothing: number): number {
  return distance > smoothing ? distance : distance ** 2 / (2 * smoothing) + smoothing / 2;
}

async function distancesTo(columns: UpdateColumns, point: Float64Array): Promise<number[]> {
  const squares = new Float64Array(columns.weights.length);
  for await (const { start, rows } of columns.blocks()) {
    for (const [row, values] of rows.entries()) {
      let sum = 0;
      for (let i = 0; i < values.length; i += 1) sum += (values[i] - point[start + i]) ** 2;
      squares[row] += sum;
    }
  }
  return Array.from(squares, Math.sqrt);
}

async function combine(columns: UpdateColumns, coefficients: readonly number[]): Promise<Float64Array> {
  const point = new Float64Array(columns.parameterCount);
  for await (const { start, rows } of columns.blocks()) {
    for (const [row, values] of rows.entries()) {
      const coefficient = coefficients[row];
      for (let i = 0; i < values.length; i += 1) point[start + i] += coefficient * values[i];
    }
  }
  return point;
}
