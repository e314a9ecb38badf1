/**
 * Krum and Multi-Krum: Blanchard, El Mhamdi, Guerraoui and Stainer 2017, "Machine Learning with Adversaries: Byzantine
 * Tolerant Gradient Descent", section 4. The score of an update is the sum of its squared distances to its n - f - 2
 * nearest others; Krum gives the update with the least score, Multi-Krum the mean of the m with the least.
 */
import { linearCombination, type UpdateColumns } from './columns.js';

/**
 * The mean of the `selected` updates with the least scores, each weighing the same; 1 is Krum. Equal scores go to the
 * earlier row, as in the paper. Needs n ≥ 2f + 3 and selected ≤ n - f - 2, which `aggregateRobustly` has checked.
 */
export async function krum(
  columns: UpdateColumns,
  byzantine: number,
  selected: number,
): Promise<Float32Array> {
  const scores = krumScores(await squaredDistances(columns), byzantine);
  const best = [...scores.keys()].sort((a, b) => scores[a] - scores[b] || a - b).slice(0, selected);
  const chosen = new Set(best);
  return linearCombination(
    columns,
    scores.map((_, row) => (chosen.has(row) ? 1 / selected : 0)),
  );
}

/** s(i) = Σ over the n - f - 2 nearest others of ‖xᵢ - xⱼ‖². */
export function krumScores(distances: readonly Float64Array[], byzantine: number): number[] {
  const neighbours = distances.length - byzantine - 2;
  return distances.map((row, i) => {
    const others = row.filter((_, j) => j !== i).sort();
    return others.subarray(0, neighbours).reduce((sum, distance) => sum + distance, 0);
  });
}

/** ‖xᵢ - xⱼ‖² in doubles, from one pass: `[updates][updates]`. */
async function squaredDistances(columns: UpdateColumns): Promise<Float64Array[]> {
  const count = columns.weights.length;
  const distances = Array.from({ length: count }, () => new Float64Array(count));
  for await (const { rows } of columns.blocks()) {
    for (let i = 0; i < count; i += 1) {
      for (let j = 0; j < i; j += 1) {
        const distance = squaredDistance(rows[i], rows[j]);
        distances[i][j] += distance;
        distances[j][i] += distance;
      }
    }
  }
  return distances;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] - b[i]) ** 2;
  return sum;
}
