/** What is known of a round after it: everything that the seed decides, and nothing that a clock does. */

/** How a metric spreads over clients. */
export interface Distribution {
  readonly clients: number;
  readonly mean: number;
  readonly stddev: number;
  readonly minimum: number;
  /**
   * Mean of the worst and best tenth of clients (Li et al. 2020, "Fair Resource Allocation…", table 1): of a loss, the
   * worst are the highest.
   */
  readonly worstTenth: number;
  readonly bestTenth: number;
  readonly quartiles: readonly [number, number, number];
}

export interface RoundRecord {
  /** Number of committed rounds, from 1. */
  readonly round: number;
  /** Updates in the sum. */
  readonly updates: number;
  readonly selected: number;
  readonly lost: number;
  readonly examples: number;
  /** Mean over the examples that were trained on: `loss`, `accuracy`, … */
  readonly training: Readonly<Record<string, number>>;
  /** Mean over the test examples. */
  readonly test?: Readonly<Record<string, number>>;
  /** Accuracy (or else loss) on clients' held-out examples. */
  readonly clients?: Distribution;
  /** Share of the test examples of other classes that, with the trigger, are taken for the backdoor's class. */
  readonly backdoor?: number;
  readonly downloadBytes: number;
  readonly uploadBytes: number;
  /** Since the start, in virtual time; absent where devices take none. */
  readonly virtualSeconds?: number;
  /** Mean commits that updates were behind. */
  readonly staleness?: number;
  readonly epsilon?: number;
  /** Share of updates that were longer than the bound. */
  readonly clipRate?: number;
  /** False once sums may depend in their last bits on how work was divided. */
  readonly exact: boolean;
}

export function distributionOf(values: readonly number[], better: 'higher' | 'lower'): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const { length } = sorted;
  const meanOf = (part: readonly number[]): number =>
    part.reduce((sum, value) => sum + value, 0) / part.length;
  const at = (share: number): number => sorted[Math.min(length - 1, Math.floor(share * length))];
  const mean = meanOf(sorted);
  const tenth = Math.max(1, Math.round(length / 10));
  const [least, most] = [meanOf(sorted.slice(0, tenth)), meanOf(sorted.slice(-tenth))];
  return {
    clients: length,
    mean,
    stddev: Math.sqrt(meanOf(sorted.map((value) => (value - mean) ** 2))),
    minimum: sorted[0],
    worstTenth: better === 'higher' ? least : most,
    bestTenth: better === 'higher' ? most : least,
    quartiles: [at(0.25), at(0.5), at(0.75)],
  };
}
