/**
 * What a model's inputs and scores looked like when it was made: for each feature, where its values lie, as shares of
 * cells between quantiles. A few kilobytes, whatever the number of examples; no example is in it.
 */
export interface ReferenceColumn {
  readonly name: string;
  /** Greatest value of each cell but the last, which is without bound; ascending. */
  readonly edges: readonly number[];
  /** Share of the reference in each cell; one more than there are edges. */
  readonly shares: readonly number[];
}

export interface DriftReference {
  /** Of the model's first input: elements of a row that are this feature's. */
  readonly features: readonly (ReferenceColumn & { readonly start: number; readonly elements: number })[];
  /** The largest softmax probability of a class model, the first output of any other. */
  readonly score?: ReferenceColumn | undefined;
  /** Values that the shares are of, for the bound of the test. */
  readonly rows: number;
}

/** Cells of a column: quantiles by the hundredth. */
const cellsMax = 100;

/** Cells between the quantiles of `values`; a value that many share is a cell of its own. */
export function columnOf(name: string, values: Float64Array): ReferenceColumn {
  const sorted = Float64Array.from(values).sort();
  const edges: number[] = [];
  for (let cell = 1; cell < cellsMax; cell++) {
    const edge = sorted[Math.min(sorted.length - 1, Math.ceil((cell * sorted.length) / cellsMax) - 1)];
    if (edges.length === 0 || edge > edges[edges.length - 1]) edges.push(edge);
  }
  const counts = new Float64Array(edges.length + 1);
  for (const value of sorted) counts[cellOf(edges, value)] += 1;
  return { name, edges, shares: Array.from(counts, (count) => count / sorted.length) };
}

/** The cell that a value lies in, by bisection. */
export function cellOf(edges: readonly number[], value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= edges[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}
