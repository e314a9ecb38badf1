/**
 * A round's updates, read together a stretch of parameters at a time: memory stays O(block × cohort) where the updates
 * lie on disk, whatever the size of the model.
 */
import { StrategyError } from '../errors.js';

/** The parameters `start..start + length - 1` of every update. Valid until the next block is asked for. */
export interface ColumnBlock {
  readonly start: number;
  /** One row an update: `[updates][length]`. */
  readonly rows: readonly Float32Array[];
}

export interface UpdateColumns {
  readonly parameterCount: number;
  /** Of the updates in the order of the rows; all positive. */
  readonly weights: readonly number[];
  /** Reads all updates once, in order; may be called again. */
  blocks(): AsyncIterable<ColumnBlock>;
}

/** Updates `[updates][parameterCount]` that are in memory: groups' means, and tests. */
export function columnsOf(
  updates: readonly Float32Array[],
  weights: readonly number[] = updates.map(() => 1),
  blockLength = 65_536,
): UpdateColumns {
  const parameterCount = updates.at(0)?.length ?? 0;
  if (updates.some((update) => update.length !== parameterCount) || weights.length !== updates.length) {
    throw new StrategyError(
      'wrong-length',
      `updates of ${updates.map(({ length }) => length).join(', ')} elements with ${weights.length} weights do not go together`,
    );
  }
  return {
    parameterCount,
    weights,
    async *blocks() {
      for (let start = 0; start < parameterCount; start += blockLength) {
        yield { start, rows: updates.map((update) => update.subarray(start, start + blockLength)) };
      }
    },
  };
}

/** Fills a vector `[parameterCount]` from one pass: `combine` writes what a block's rows come to into `out`. */
export async function mapBlocks(
  columns: UpdateColumns,
  combine: (rows: readonly Float32Array[], out: Float32Array) => void,
): Promise<Float32Array> {
  const result = new Float32Array(columns.parameterCount);
  for await (const { start, rows } of columns.blocks()) {
    combine(rows, result.subarray(start, start + rows[0].length));
  }
  return result;
}

/** Σ cᵢ·xᵢ in doubles, rounded to f32 once; rows of coefficient 0 are not looked at. */
export function linearCombination(
  columns: UpdateColumns,
  coefficients: readonly number[],
): Promise<Float32Array> {
  return mapBlocks(columns, (rows, out) => {
    const sums = new Float64Array(out.length);
    for (const [row, coefficient] of coefficients.entries()) {
      if (coefficient === 0) continue;
      const values = rows[row];
      for (let i = 0; i < sums.length; i += 1) sums[i] += coefficient * values[i];
    }
    out.set(sums);
  });
}
