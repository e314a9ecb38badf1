/** Cuts the samples of one sensor into overlapping windows. A gap in time begins anew: no window spans one. */
import type { Recording } from './recording.js';
import type { Row } from './rows.js';

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of each feature, `[size, …]` row-major. */
  readonly values: readonly Float64Array[];
  /** Of the last sample that had one. */
  readonly label: readonly number[] | undefined;
}

export interface Windower {
  /** Takes the next sample; gives the window that it completes. */
  add(row: Row): Window | undefined;
}

export function createWindower(
  { rowElements }: Pick<Recording, 'rowElements'>,
  { size, stride, periodMs }: NonNullable<Recording['window']>,
): Windower {
  // Twice the size, so that a window is always one piece.
  const rings = rowElements.map((elements) => new Float64Array(2 * size * elements));
  const times = new Float64Array(size);
  const labels = new Array<readonly number[] | undefined>(size);
  let count = 0;
  let untilNext = size;
  let lastMs = Number.NaN;
  return {
    add({ timeMs, values, label }) {
      const at = timeMs ?? lastMs + periodMs;
      // Half a period of jitter is allowed each way.
      if (!(Math.abs(at - lastMs - periodMs) <= periodMs / 2)) {
        count = 0;
        untilNext = size;
      }
      lastMs = Number.isNaN(at) ? 0 : at;
      const slot = count % size;
      times[slot] = lastMs;
      labels[slot] = label;
      for (const [index, elements] of rowElements.entries()) {
        rings[index].set(values[index], slot * elements);
        rings[index].set(values[index], (slot + size) * elements);
      }
      count += 1;
      untilNext -= 1;
      if (untilNext > 0) return undefined;
      untilNext = stride;
      const first = count % size;
      const order = Array.from({ length: size }, (_, index) => (first + index) % size);
      return {
        fromMs: times[first],
        toMs: lastMs,
        values: rowElements.map((elements, index) =>
          rings[index].slice(first * elements, (first + size) * elements),
        ),
        label: order.map((index) => labels[index]).findLast((found) => found !== undefined),
      };
    },
  };
}
