/**
 * Into how many groups a cohort is split by chance, each summed under masks of its own: what is aggregated are then the
 * groups' means. Absent where the coordinator sees single updates.
 */
export type Groups = number;

/** Blanchard et al. 2017: the one update nearest to its neighbours. */
export interface Krum {
  readonly kind: 'krum';
  /** f: the most updates that may be hostile; a round needs n ≥ 2f + 3. */
  readonly byzantine: number;
}

/** Blanchard et al. 2017: the mean of the updates nearest to their neighbours. */
export interface MultiKrum {
  readonly kind: 'multi-krum';
  readonly byzantine: number;
  /** m, at most n - f - 2; `null` for just that. */
  readonly selected: number | null;
}

/** Yin et al. 2018: of every coordinate, the mean without its extremes. */
export interface TrimmedMean {
  readonly kind: 'trimmed-mean';
  /** β in [0, ½): ⌊β·n⌋ values are left out at each end. */
  readonly share: number;
  readonly groups?: Groups;
}

/** Yin et al. 2018: of every coordinate, the median. */
export interface Median {
  readonly kind: 'median';
  readonly groups?: Groups;
}

/** Pillutla et al. 2022: the point with the least weighted sum of distances to the updates. */
export interface GeometricMedian {
  readonly kind: 'geometric-median';
  /** ν, in units of the deltas: nearer than this, distances count as this. */
  readonly smoothing: number;
  /** Most Weiszfeld iterations, each of which reads all updates once. */
  readonly iterations: number;
  readonly groups?: Groups;
}

/** Sun et al. 2019: the weighted mean of updates scaled down to an L2 bound. */
export interface NormClipping {
  readonly kind: 'norm-clipping';
  readonly bound: number;
}

/** Aggregates that a few hostile updates cannot carry away, in place of the weighted mean. */
export type RobustAggregation = Krum | MultiKrum | TrimmedMean | Median | GeometricMedian | NormClipping;
