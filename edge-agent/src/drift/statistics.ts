/** How far two distributions over the same cells are from each other. */

/** Bins of the population stability index hold a tenth of the reference each, or one value that is more. */
const binShare = 0.1;

/**
 * The population stability index, Σ (a − e) ln(a / e) over bins of the reference's shares e and the counts' shares a
 * (Siddiqi 2006, "Credit Risk Scorecards", 18.2). By custom, 0.1 is a small shift and 0.25 a large one. Cells are joined
 * to bins of a tenth, and half a count is added to each, so that an empty one is not infinite.
 */
export function stabilityIndex(shares: readonly number[], counts: ArrayLike<number>): number {
  const bins: { expected: number; count: number }[] = [];
  let open = { expected: 0, count: 0 };
  let total = 0;
  for (let cell = 0; cell < shares.length; cell++) {
    open.expected += shares[cell];
    open.count += counts[cell];
    total += counts[cell];
    if (open.expected >= binShare - 1e-9) {
      bins.push(open);
      open = { expected: 0, count: 0 };
    }
  }
  if (open.expected > 0 || open.count > 0) bins.push(open);
  if (total === 0) return 0;
  const smooth = total + bins.length / 2;
  return bins.reduce((sum, { expected, count }) => {
    const actual = (count + 0.5) / smooth;
    const reference = Math.max(expected, 0.5 / smooth);
    return sum + (actual - reference) * Math.log(actual / reference);
  }, 0);
}

/**
 * The two-sample Kolmogorov-Smirnov statistic at the cells' edges, and the bound that it exceeds by chance with
 * probability 0.001 (c(α) √((n + m) / (n m)), Smirnov 1948).
 */
export function kolmogorovSmirnov(
  shares: readonly number[],
  counts: ArrayLike<number>,
  referenceRows: number,
): { readonly distance: number; readonly bound: number } {
  let total = 0;
  for (let cell = 0; cell < counts.length; cell++) total += counts[cell];
  if (total === 0) return { distance: 0, bound: 1 };
  let expected = 0;
  let actual = 0;
  let distance = 0;
  for (let cell = 0; cell < shares.length; cell++) {
    expected += shares[cell];
    actual += counts[cell] / total;
    distance = Math.max(distance, Math.abs(expected - actual));
  }
  const critical = Math.sqrt(-Math.log(0.001 / 2) / 2);
  return { distance, bound: critical * Math.sqrt((total + referenceRows) / (total * referenceRows)) };
}
