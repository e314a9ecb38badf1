/** One measured number, as `--json` prints it. */
export interface Figure {
  readonly benchmark: string;
  readonly case: string;
  readonly threads?: number;
  /** A name ending in `Limit` is the best that could be had, measured the same way. */
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
  /** What people would use instead, with its version. */
  readonly peer?: string;
  readonly peerValue?: number;
  /** Above 1 always means that Starling is better. */
  readonly ratio?: number;
}

export interface BenchmarkOptions {
  /** Arguments after the benchmark's name, for the benchmark to read. */
  readonly args: readonly string[];
  /** For people: goes to standard error. */
  readonly note: (text: string) => void;
}

/** One folder each, listed in `registry.ts`. */
export interface Benchmark {
  readonly summary: string;
  /** Lines for `--help`, one an option. */
  readonly options: readonly string[];
  /** Options of Node that it is to be measured with; it then runs in a process of its own. */
  readonly nodeOptions?: readonly string[];
  run(options: BenchmarkOptions): AsyncIterable<Figure>;
}

/** The middle value; the mean of both where their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** To four significant digits: what a measurement can say. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
