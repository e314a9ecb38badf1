/** Latencies in buckets that grow by the half: any quantile to a quarter or so, in constant memory. */

export interface LatencyHistogram {
  record(ms: number): void;
  snapshot(): LatencySnapshot;
}

export interface LatencySnapshot {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** Greatest latency of each bucket, in milliseconds; the last one is without bound. */
  readonly boundsMs: readonly number[];
  readonly counts: readonly number[];
}

/** 10 µs to about 1 minute. */
const boundsMs = Array.from({ length: 39 }, (_, index) => 0.01 * 1.5 ** index);

export function latencyHistogram(): LatencyHistogram {
  const counts = new Array<number>(boundsMs.length + 1).fill(0);
  let count = 0;
  let sumMs = 0;
  let maxMs = 0;
  return {
    record(ms) {
      let bucket = ms <= boundsMs[0] ? 0 : Math.ceil(Math.log(ms / boundsMs[0]) / Math.log(1.5) - 1e-9);
      bucket = Math.min(Math.max(bucket, 0), boundsMs.length);
      counts[bucket] += 1;
      count += 1;
      sumMs += ms;
      maxMs = Math.max(maxMs, ms);
    },
    snapshot: () => ({ count, sumMs, maxMs, boundsMs, counts: [...counts] }),
  };
}

/** The latency in ms that a share of all stayed below, to the upper bound of its bucket; 0 where there were none. */
export function latencyQuantile({ count, counts, maxMs }: LatencySnapshot, share: number): number {
  const wanted = Math.ceil(count * share);
  let seen = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    seen += counts[bucket];
    if (wanted > 0 && seen >= wanted) return Math.min(boundsMs[bucket] ?? maxMs, maxMs);
  }
  return 0;
}

/** What was recorded between two snapshots of one histogram. */
export function latencyBetween(earlier: LatencySnapshot, later: LatencySnapshot): LatencySnapshot {
  return {
    ...later,
    count: later.count - earlier.count,
    sumMs: later.sumMs - earlier.sumMs,
    counts: later.counts.map((value, bucket) => value - earlier.counts[bucket]),
  };
}
